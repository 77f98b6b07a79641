-- R6: no Silver row waits for a build that nobody will finish. While each pinned batch is booked,
-- each row belongs to a booked build; else Gold would never take it. Returns the builds that no
-- book names.
with batch_books as (

    select
        ingest_batch,
        build_id
    from {{ ref('batch_books') }}

),

outstanding_batches as (

    select count(*) as outstanding_count
    from {{ ref('pinned_batches') }} as pinned
    left anti join batch_books
        on pinned.ingest_batch = batch_books.ingest_batch

),

builds as (
    {% for model in ['spans', 'log_records', 'traces', 'error_events'] %}
    select build_id from {{ ref(model) }}
    where {{ is_tested_date('partition_date') }}
    {%- if not loop.last %}
    union distinct
    {%- endif %}
    {%- endfor %}

),

unbooked as (

    select builds.build_id
    from builds
    left anti join batch_books
        on builds.build_id = batch_books.build_id
    cross join outstanding_batches
    where outstanding_batches.outstanding_count = 0

)

select * from unbooked
