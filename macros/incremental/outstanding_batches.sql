{#-
    List of the ingest batches that this run takes, pinned and not yet in the books of Silver (R6: a
    set difference of committed batches), as pairs: first and last number without a gap.

    from_nothing: all pinned batches, for a model that holds none yet.
-#}
{% macro outstanding_batches(from_nothing=false) -%}
    {%- set pinned = existing_table('control', 'pinned_batches') if execute else none -%}
    {%- if pinned is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set books = none if from_nothing else existing_table('control', 'batch_books') -%}
    {%- set query -%}
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
    {%- endset -%}
    {{ return(once(query).rows) }}
{%- endmacro %}
