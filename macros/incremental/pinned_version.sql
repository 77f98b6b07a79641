{#- Literal: the version of bronze.spans that this run pinned (R11); null before the first pin. -#}
{% macro pinned_version() -%}
    {%- set row = pinned() -%}
    {{- version_literal(row['bronze_version'] if row else none) -}}
{%- endmacro %}
