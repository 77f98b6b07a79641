{#- Literal: the Delta version that a table has now; null while parsing and for no table. -#}
{% macro delta_version(relation) -%}
    {%- set newest = none -%}
    {%- if execute and load_relation(relation) is not none -%}
        {%- set newest = run_query('describe history ' ~ relation ~ ' limit 1').rows[0][0] -%}
    {%- endif -%}
    cast({{ newest if newest is not none else 'null' }} as bigint)
{%- endmacro %}
