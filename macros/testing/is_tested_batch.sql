{#-
    Predicate: an ingest batch is one that the tests of this command look at, that is, one that a
    tested build booked; true for everything.

    column: ingest batch.
-#}
{% macro is_tested_batch(column) -%}
    {%- if tested_builds() is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set query -%}
        select ingest_batch
        from {{ existing_table('control', 'batch_books') }}
        where {{ is_tested_build('build_id') }}
        order by 1
    {%- endset -%}
    {%- set batches = once(query).columns[0].values() -%}
    {{ return(column ~ ' in (' ~ batches | join(', ') ~ ')' if batches else 'false') }}
{%- endmacro %}
