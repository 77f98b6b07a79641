{{ config(incremental_strategy='append', post_hook='delete from control.trace_arrivals') }}

-- Closes the books of the batches that this run took (R1). A batch that stands here is taken
-- (R6); so this is the last Silver model of a run.
-- depends_on: {{ ref('traces') }}, {{ ref('error_events') }}, {{ ref('service_calls') }},
-- {{ ref('day_builds') }}
{%- set is_outstanding = is_outstanding_batch('ingest_batch', from_nothing=not is_incremental()) %}

with ingest_batches as (

    select
        ingest_batch,
        span_count,
        log_record_count,
        change_count,
        rejected_count
    from {{ source('bronze', 'ingest_batches') }}
    where {{ is_outstanding }}

),

-- one row per batch that brought a span first
new_spans as (

    select
        ingest_batch,
        count(*) as span_count,
        sum(size(unreadable_attributes)) as unreadable_value_count
    from {{ ref('spans') }}
    where {{ is_outstanding }}
    group by 1

),

-- one row per batch that brought a log record first
new_log_records as (

    select
        ingest_batch,
        count(*) as log_record_count,
        sum(size(unreadable_attributes)) as unreadable_value_count
    from {{ ref('log_records') }}
    where {{ is_outstanding }}
    group by 1

),

-- one row per batch that brought a change first
new_changes as (

    select
        ingest_batch,
        count(*) as change_count
    from {{ ref('changes') }}
    where {{ is_outstanding }}
    group by 1

),

-- one row per batch that brought events of days that Silver had let go (R6)
expired_arrivals as (

    select
        ingest_batch,
        count_if(event_type = 'span') as span_count,
        count_if(event_type = 'log') as log_record_count
    from {{ ref('stg_expired_arrivals') }}
    where {{ is_outstanding }}
    group by 1

),

batch_books as (

    select
        batches.ingest_batch,
        batches.span_count as bronze_span_count,
        coalesce(spans.span_count, 0) as span_count,
        coalesce(expired.span_count, 0) as expired_span_count,
        batches.span_count - coalesce(spans.span_count, 0) - coalesce(expired.span_count, 0)
            as duplicate_span_count,
        batches.log_record_count as bronze_log_record_count,
        coalesce(logs.log_record_count, 0) as log_record_count,
        coalesce(expired.log_record_count, 0) as expired_log_record_count,
        batches.log_record_count - coalesce(logs.log_record_count, 0)
        - coalesce(expired.log_record_count, 0) as duplicate_log_record_count,
        batches.change_count as bronze_change_count,
        coalesce(new_changes.change_count, 0) as change_count,
        batches.change_count - coalesce(new_changes.change_count, 0) as duplicate_change_count,
        batches.rejected_count,
        coalesce(spans.unreadable_value_count, 0) + coalesce(logs.unreadable_value_count, 0)
            as unreadable_value_count,
        current_timestamp() as booked_at,
        {{ pinned_version() }} as bronze_version,
        {{ silver_build_id() }} as build_id
    from ingest_batches as batches
    left join new_spans as spans
        on batches.ingest_batch = spans.ingest_batch
    left join new_log_records as logs
        on batches.ingest_batch = logs.ingest_batch
    left join new_changes
        on batches.ingest_batch = new_changes.ingest_batch
    left join expired_arrivals as expired
        on batches.ingest_batch = expired.ingest_batch

)

select * from batch_books
