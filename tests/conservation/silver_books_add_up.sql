-- R1: of each batch that Silver took, each Bronze event is one Silver row or counted as duplicate
-- or as expired on arrival; and Silver still holds the rows that its books say, but for those that
-- have expired. Returns the batches that do not add up.
with batch_books as (

    select * from {{ ref('batch_books') }}
    where {{ is_tested_batch('ingest_batch') }}

),

ingest_batches as (

    select * from {{ source('bronze', 'ingest_batches') }}

),

-- one row per batch that brought a span first
spans as (

    select
        ingest_batch,
        count(*) as span_count
    from {{ ref('spans') }}
    where {{ is_tested_batch('ingest_batch') }} and {{ is_tested_date('partition_date') }}
    group by 1

),

-- one row per batch that brought a log record first
log_records as (

    select
        ingest_batch,
        count(*) as log_record_count
    from {{ ref('log_records') }}
    where {{ is_tested_batch('ingest_batch') }} and {{ is_tested_date('partition_date') }}
    group by 1

),

-- one row per batch that brought a change first
changes as (

    select
        ingest_batch,
        count(*) as change_count
    from {{ ref('changes') }}
    where {{ is_tested_batch('ingest_batch') }}
    group by 1

),

-- one row per table, day and batch: an expiry that was cut short has noted them twice
expired_days as (

    select
        table_name,
        partition_date,
        ingest_batch,
        max(record_count) as record_count
    from {{ ref('expired_days') }}
    where phase = 'delete'
    group by 1, 2, 3

),

-- one row per batch of which rows have expired
expired as (

    select
        ingest_batch,
        sum(record_count) filter (where table_name = 'silver.spans') as span_count,
        sum(record_count) filter (where table_name = 'silver.log_records') as log_record_count,
        sum(record_count) filter (where table_name = 'silver.changes') as change_count
    from expired_days
    group by 1

),

wrong as (

    select
        books.*,
        ingest.span_count as ingested_span_count,
        ingest.log_record_count as ingested_log_record_count,
        coalesce(spans.span_count, 0) as held_span_count,
        ingest.change_count as ingested_change_count,
        coalesce(logs.log_record_count, 0) as held_log_record_count,
        coalesce(changes.change_count, 0) as held_change_count
    from batch_books as books
    inner join ingest_batches as ingest
        on books.ingest_batch = ingest.ingest_batch
    left join spans
        on books.ingest_batch = spans.ingest_batch
    left join log_records as logs
        on books.ingest_batch = logs.ingest_batch
    left join changes
        on books.ingest_batch = changes.ingest_batch
    left join expired
        on books.ingest_batch = expired.ingest_batch
    where
        books.duplicate_span_count < 0
        or books.duplicate_log_record_count < 0
        or ingest.span_count
        <> books.span_count + books.duplicate_span_count + coalesce(books.expired_span_count, 0)
        or ingest.log_record_count
        <> books.log_record_count + books.duplicate_log_record_count
        + coalesce(books.expired_log_record_count, 0)
        or books.span_count <> coalesce(spans.span_count, 0) + coalesce(expired.span_count, 0)
        or books.log_record_count
        <> coalesce(logs.log_record_count, 0) + coalesce(expired.log_record_count, 0)
        -- null in the books of a lake that took the batch before there were silver.changes
        or ingest.change_count <> books.change_count + books.duplicate_change_count
        or books.change_count
        <> coalesce(changes.change_count, 0) + coalesce(expired.change_count, 0)
        or books.duplicate_change_count < 0

)

select * from wrong
