{#-
    Predicate: the ingest batch is one that this run takes, that is, pinned and not yet in the
    books of Silver (R6: a set difference of committed batches). It is written out as ranges of
    numbers, so that Delta skips the files of all other batches.

    column: ingest batch; from_nothing: take all pinned batches, for a model that holds none yet.
-#}
{% macro is_outstanding_batch(column, from_nothing) -%}
    {%- set pinned = ref('pinned_batches') -%}
    {%- set pinned = load_relation(pinned) if execute else none -%}
    {%- if pinned is none -%}
        {{ return('false') }}
    {%- endif -%}
    {%- set books = none if from_nothing else existing_table('silver', 'batch_books') -%}
    {%- set ranges = run_query(outstanding_batch_ranges(pinned, books)).rows -%}
    {%- set terms = [] -%}
    {%- for first, last in ranges -%}
        {%- do terms.append(column ~ ' between ' ~ first ~ ' and ' ~ last) -%}
    {%- endfor -%}
    {{ return('(' ~ terms | join(' or ') ~ ')' if terms else 'false') }}
{%- endmacro %}
