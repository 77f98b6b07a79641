{#- The Delta version that a table has now, as a number; none for no table and while parsing. -#}
{% macro newest_version(relation) -%}
    {%- if not execute or load_relation(relation) is none -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(run_query('describe history ' ~ relation ~ ' limit 1').rows[0][0]) }}
{%- endmacro %}
