{#- Literal: the version of bronze.spans that this run pinned (R11); null before the first pin. -#}
{% macro pinned_version() -%}
    {%- set version = (pinned() or {})['bronze_version'] -%}
    cast({{ 'null' if version is none else version }} as bigint)
{%- endmacro %}
