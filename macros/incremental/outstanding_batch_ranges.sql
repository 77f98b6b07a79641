{#- Query: first and last number of each run of batches that are pinned but not booked. -#}
{% macro outstanding_batch_ranges(pinned, books) -%}
    with outstanding as (

        select pinned.ingest_batch
        from {{ pinned }} as pinned
        {%- if books is not none %}
        left anti join {{ books }} as books
            on pinned.ingest_batch = books.ingest_batch
        {%- endif %}

    ),

    islands as (

        select
            ingest_batch,
            ingest_batch - row_number() over (order by ingest_batch) as island
        from outstanding

    )

    select
        min(ingest_batch) as first_batch,
        max(ingest_batch) as last_batch
    from islands
    group by island
    order by 1
{%- endmacro %}
