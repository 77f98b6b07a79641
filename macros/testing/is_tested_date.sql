{#-
    Predicate: a day is one that the tests of this command look at, that is, one that a tested build
    wrote to; true for everything.

    column: expression, a date.
-#}
{% macro is_tested_date(column) -%}
    {%- if tested_builds() is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set query -%}
        select distinct partition_date
        from {{ existing_table('control', 'day_builds') }}
        where operation = 'build' and {{ is_tested_build('build_id') }}
        order by 1
    {%- endset -%}
    {{ return(column ~ ' in ' ~ date_literals(query)) }}
{%- endmacro %}
