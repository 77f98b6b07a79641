{#- Literal: the Delta version that a table has now; null for no table and while parsing. -#}
{% macro delta_version(relation) -%}
    {%- set version = newest_version(relation) -%}
    cast({{ 'null' if version is none else version }} as bigint)
{%- endmacro %}
