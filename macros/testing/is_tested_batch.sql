{#-
    Predicate: an ingest batch is one that the tests of this command look at, that is, one that a
    tested build booked; true for everything.

    column: ingest batch.
-#}
{% macro is_tested_batch(column) -%}
    {%- set builds = tested_builds() -%}
    {%- if builds is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set query -%}
        select ingest_batch
        from {{ adapter.get_relation(none, 'control', 'batch_books') }}
        where build_id in ('{{ builds | join("', '") }}')
        order by 1
    {%- endset -%}
    {%- set batches = once(query).columns[0].values() -%}
    {{ return(column ~ ' in (' ~ batches | join(', ') ~ ')' if batches else 'false') }}
{%- endmacro %}
