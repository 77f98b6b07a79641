-- R1: each Bronze event of the batches that Silver has taken is a Silver row, itself or as another
-- version of it: what the books call a duplicate is one. Returns those that are not.
with batch_books as (

    select ingest_batch from {{ ref('batch_books') }}

),

bronze_spans as (

    select spans.*
    from {{ ref('stg_spans') }} as spans
    left semi join batch_books
        on spans.ingest_batch = batch_books.ingest_batch
    where
        {{ is_tested_batch('spans.ingest_batch') }}
        and not {{ is_expired_on_arrival('spans', timestamp_from_ns('spans.started_ns')) }}

),

silver_spans as (

    select
        trace_id,
        span_id,
        record_hash,
        service,
        coalesce(kind in ('server', 'consumer'), false) as is_server_side,
        {{ nanoseconds('started_at', 'started_at_ns') }} as started_ns
    from {{ ref('spans') }}
    where {{ is_tested_date('partition_date') }}

),

missing_spans as (

    select
        'span' as event_type,
        bronze.trace_id,
        bronze.span_id,
        bronze.record_hash,
        bronze.ingest_batch
    from bronze_spans as bronze
    left anti join silver_spans as silver
        on
            bronze.trace_id <=> silver.trace_id
            and bronze.span_id <=> silver.span_id
            and bronze.record_hash <=> silver.record_hash
            and bronze.service = silver.service
            and bronze.is_server_side = silver.is_server_side
            and bronze.started_ns = silver.started_ns

),

{% set log_identity %}
        trace_id,
        record_hash,
        {{ record_uid('attributes') }} as record_uid,
        case when {{ record_uid('attributes') }} is null then span_id end as span_id,
        case when {{ record_uid('attributes') }} is null then body end as body,
        case
            when {{ record_uid('attributes') }} is null then {{ log_source('resource_attributes') }}
        end as record_source
{%- endset -%}
bronze_log_records as (

    select
        log_records.ingest_batch,
        case
            when {{ record_uid('log_records.attributes') }} is null then log_records.logged_ns
        end as logged_ns,
        {{- log_identity }}
    from {{ ref('stg_log_records') }} as log_records
    left semi join batch_books
        on log_records.ingest_batch = batch_books.ingest_batch
    where
        {{ is_tested_batch('log_records.ingest_batch') }}
        and not {{ is_expired_on_arrival(
            'log_records', timestamp_from_ns('log_records.logged_ns')
        ) }}

),

silver_log_records as (

    select
        case
            when {{ record_uid('attributes') }} is null
                then {{ nanoseconds('logged_at', 'logged_at_ns') }}
        end as logged_ns,
        {{- log_identity }}
    from {{ ref('log_records') }}
    where {{ is_tested_date('partition_date') }}

),

missing_log_records as (

    select
        'log' as event_type,
        bronze.trace_id,
        bronze.span_id,
        bronze.record_hash,
        bronze.ingest_batch
    from bronze_log_records as bronze
    left anti join silver_log_records as silver
        on
            bronze.trace_id <=> silver.trace_id
            and bronze.record_hash <=> silver.record_hash
            and bronze.record_uid <=> silver.record_uid
            and bronze.span_id <=> silver.span_id
            and bronze.logged_ns <=> silver.logged_ns
            and bronze.record_source <=> silver.record_source
            and bronze.body <=> silver.body

),

missing as (

    select * from missing_spans
    union all
    select * from missing_log_records

)

select * from missing
