{#- Time travel clause for a version or a time (R11); nothing for none, and while parsing. -#}
{% macro as_of_clause(relation, as_of=none) -%}
    {%- set version = version_at(relation, as_of) if as_of is not none else none -%}
    {%- if version is not none and execute %} version as of {{ version }}{% endif -%}
{%- endmacro %}
