{#- Literal: a Delta version, or null for none. -#}
{% macro version_literal(version) -%}
    cast({{ 'null' if version is none else version }} as bigint)
{%- endmacro %}
