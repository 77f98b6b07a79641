{#- Time travel clause: the version of a table at this moment; so that one statement can read it
    after the versions of other tables were noted. -#}
{% macro version_as_of(relation) -%}
    {%- if execute -%}
        version as of {{ newest_version(relation) }}
    {%- endif -%}
{%- endmacro %}
