{#- Literal: the version of silver.spans that this Gold run reads (R11); null before the first. -#}
{% macro silver_version() -%}
    {%- set spans = existing_table('silver', 'spans') -%}
    {%- set query = 'describe history ' ~ spans ~ ' limit 1' -%}
    {{- version_literal(once(query).rows[0][0] if spans else none) -}}
{%- endmacro %}
