{#-
    Predicate: a day is one that the tests of this command look at, that is, one that a tested build
    wrote to; true for everything.

    column: expression, a date.
-#}
{% macro is_tested_date(column) -%}
    {%- set builds = tested_builds() -%}
    {%- if builds is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set query -%}
        select distinct partition_date
        from {{ adapter.get_relation(none, 'control', 'day_builds') }}
        where operation = 'build' and build_id in ('{{ builds | join("', '") }}')
        order by 1
    {%- endset -%}
    {{ return(column ~ ' in ' ~ date_literals(query)) }}
{%- endmacro %}
