{#-
    Query for the ingest batches that this run takes: pinned, and not yet in the books of Silver
    (R6: a set difference of committed batches). A model that is built from nothing takes all.
-#}
{% macro outstanding_batches(is_incremental_run) -%}
    {%- set books = existing_table('silver', 'batch_books') if is_incremental_run else none -%}
    select pinned.ingest_batch
    from {{ ref('pinned_batches') }} as pinned
    {%- if books is not none %}
    left anti join {{ books }} as taken
        on pinned.ingest_batch = taken.ingest_batch
    {%- endif %}
{%- endmacro %}
