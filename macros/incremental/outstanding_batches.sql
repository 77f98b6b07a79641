{#-
    List of the ingest batches that this run takes, pinned and not yet in the books of Silver (R6: a
    set difference of committed batches), as pairs: first and last number without a gap.

    from_nothing: all pinned batches, for a model that holds none yet.
-#}
{% macro outstanding_batches(from_nothing=false) -%}
    {%- set pinned = adapter.get_relation(none, 'control', 'pinned_batches') -%}
    {%- if pinned is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set books = adapter.get_relation(none, 'control', 'batch_books') if not from_nothing -%}
    {%- set query -%}
        with outstanding as (

            select pinned.ingest_batch
            from {{ pinned }} as pinned
            {%- if books %}
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
