{#-
    Literal: the version of bronze.spans that this run pinned (R6, R11); null before the first pin.
-#}
{% macro pinned_version() -%}
    {%- set pinned = ref('pinned_batches') -%}
    {%- set pinned = load_relation(pinned) if execute else none -%}
    {%- set version = none -%}
    {%- if pinned is not none -%}
        {%- set version = run_query('select max(bronze_version) from ' ~ pinned).rows[0][0] -%}
    {%- endif -%}
    cast({{ 'null' if version is none else version }} as bigint)
{%- endmacro %}
