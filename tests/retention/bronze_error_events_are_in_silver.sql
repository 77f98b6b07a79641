-- R2: each error event of Bronze, with each of its messages, is in Silver, of the batches that
-- Silver has taken. Returns those missing.
with batch_books as (

    select ingest_batch from {{ ref('batch_books') }}

),

spans as (

    select spans.*
    from {{ ref('stg_spans') }} as spans
    left semi join batch_books
        on spans.ingest_batch = batch_books.ingest_batch
    where
        spans.is_error
        and {{ is_tested_batch('spans.ingest_batch') }}
        and not {{ is_expired_on_arrival('spans', timestamp_from_ns('spans.started_ns')) }}

),

log_records as (

    select
        log_records.*,
        {{ record_uid('log_records.attributes') }} as record_uid,
        {{ log_source('log_records.resource_attributes') }} as record_source
    from {{ ref('stg_log_records') }} as log_records
    left semi join batch_books
        on log_records.ingest_batch = batch_books.ingest_batch
    where
        log_records.is_error
        and {{ is_tested_batch('log_records.ingest_batch') }}
        and not {{ is_expired_on_arrival(
            'log_records', timestamp_from_ns('log_records.logged_ns')
        ) }}

),

error_spans as (

    select
        'span' as event_type,
        spans.trace_id,
        spans.span_id,
        spans.record_hash,
        spans.service,
        cast(null as string) as record_source,
        cast(null as string) as record_uid,
        variant.error_type,
        variant.error_message,
        variant.error_stack,
        cast(null as string) as body,
        spans.is_server_side,
        spans.started_ns as occurred_ns
    from spans
        lateral view explode(spans.error_variants) as variant

),

-- its text is what a log record says; copies of it may name an exception or not
error_log_records as (

    select
        'log' as event_type,
        trace_id,
        span_id,
        record_hash,
        cast(null as string) as service,
        record_source,
        record_uid,
        cast(null as string) as error_type,
        cast(null as string) as error_message,
        cast(null as string) as error_stack,
        body,
        false as is_server_side,
        logged_ns as occurred_ns
    from log_records
    where record_uid is null

),

-- a record with a uid is known by that alone; its versions may differ in all else
identified_error_log_records as (

    select
        'log' as event_type,
        trace_id,
        cast(null as string) as span_id,
        record_hash,
        cast(null as string) as service,
        cast(null as string) as record_source,
        record_uid,
        cast(null as string) as error_type,
        cast(null as string) as error_message,
        cast(null as string) as error_stack,
        cast(null as string) as body,
        false as is_server_side,
        cast(null as bigint) as occurred_ns
    from log_records
    where record_uid is not null

),

-- one row per error span and distinct error, and per error log record
bronze_error_events as (

    select * from error_spans
    union distinct
    select * from error_log_records
    union distinct
    select * from identified_error_log_records

),

error_events as (

    select
        *,
        {{ record_uid('attributes') }} as record_uid,
        coalesce(kind in ('server', 'consumer'), false) as is_server_side,
        {{ nanoseconds('occurred_at', 'occurred_at_ns') }} as occurred_ns
    from {{ ref('error_events') }}
    where {{ is_tested_date('partition_date') }}

),

missing as (

    select bronze.*
    from bronze_error_events as bronze
    left anti join error_events as silver
        on
            bronze.event_type = silver.event_type
            and bronze.trace_id <=> silver.trace_id
            and bronze.record_hash <=> silver.record_hash
            and (bronze.event_type = 'span' or bronze.record_uid <=> silver.record_uid)
            and (
                bronze.record_uid is not null
                or (
                    bronze.span_id <=> silver.span_id
                    and bronze.occurred_ns = silver.occurred_ns
                    and bronze.is_server_side = silver.is_server_side
                    and bronze.body <=> silver.body
                    and (
                        bronze.event_type = 'log'
                        or (
                            bronze.service = silver.service
                            and bronze.error_type <=> silver.error_type
                            and bronze.error_message <=> silver.error_message
                            and bronze.error_stack <=> silver.error_stack
                        )
                    )
                )
            )

)

select * from missing
