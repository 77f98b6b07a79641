{{ config(materialized='view') }}

-- Error events of days that Silver had let go when they arrived: they go to Gold past Silver (R6),
-- each by itself. Of the batches that Silver has pinned, in the terms of silver.error_events.
with pinned_batches as (

    select
        ingest_batch,
        bronze_version,
        build_id
    from {{ ref('pinned_batches') }}

),

error_spans as (

    select
        'span' as event_type,
        spans.trace_id,
        spans.span_id,
        spans.parent_span_id,
        spans.record_hash,
        spans.service,
        spans.endpoint,
        spans.operation,
        spans.kind,
        spans.status_code,
        spans.status_message,
        variant.error_type,
        variant.error_message,
        variant.error_stack,
        cast(null as string) as body,
        cast(null as string) as severity_text,
        cast(null as string) as severity_source,
        spans.environment,
        spans.region,
        cast(null as string) as container,
        spans.attributes,
        spans.resource_attributes,
        spans.http_status_code,
        spans.rpc_status_code,
        cast(null as int) as severity_number,
        spans.latency_ms,
        spans.started_ns as occurred_ns,
        spans.ingested_at,
        spans.ingest_batch
    from {{ ref('stg_spans') }} as spans
        lateral view explode(spans.error_variants) as variant
    where
        spans.is_error
        and {{ is_expired_on_arrival('spans', timestamp_from_ns('spans.started_ns')) }}

),

error_log_records as (

    select
        'log' as event_type,
        log_records.trace_id,
        log_records.span_id,
        cast(null as string) as parent_span_id,
        log_records.record_hash,
        coalesce(
            {{ service_name('log_records.resource_attributes') }},
            {{ workload_name('log_records.resource_attributes') }},
            'unknown_service'
        ) as service,
        cast(null as string) as endpoint,
        log_records.event_name as operation,
        cast(null as string) as kind,
        cast(null as string) as status_code,
        cast(null as string) as status_message,
        log_records.error_type,
        log_records.error_message,
        log_records.error_stack,
        log_records.body,
        log_records.severity_text,
        log_records.severity_source,
        log_records.environment,
        log_records.region,
        log_records.resource_attributes['k8s.container.name'] as container,
        log_records.attributes,
        log_records.resource_attributes,
        cast(null as int) as http_status_code,
        cast(null as int) as rpc_status_code,
        log_records.severity_number,
        cast(null as double) as latency_ms,
        log_records.logged_ns as occurred_ns,
        log_records.ingested_at,
        log_records.ingest_batch
    from {{ ref('stg_log_records') }} as log_records
    where
        log_records.is_error
        and {{ is_expired_on_arrival('log_records', timestamp_from_ns('log_records.logged_ns')) }}

),

arrived as (

    select * from error_spans
    union all
    select * from error_log_records

),

described as (

    select
        arrived.* except (resource_attributes, occurred_ns, ingested_at),
        arrived.resource_attributes['k8s.namespace.name'] as namespace,
        arrived.resource_attributes['k8s.pod.name'] as pod,
        arrived.resource_attributes['service.version'] as service_version,
        false as is_request,
        {{ timestamp_from_ns('arrived.occurred_ns') }} as occurred_at,
        {{ nanosecond_remainder('arrived.occurred_ns') }} as occurred_at_ns,
        cast(null as timestamp) as span_started_at,
        arrived.ingested_at as first_arrival_at,
        arrived.ingested_at as last_arrival_at,
        to_date({{ timestamp_from_ns('arrived.occurred_ns') }}) as partition_date,
        pinned_batches.bronze_version,
        pinned_batches.build_id
    from arrived
    inner join pinned_batches
        on arrived.ingest_batch = pinned_batches.ingest_batch

),

identified as (

    select
        *,
        {{ failure_id() }} as failure_id
    from described

),

-- one row per error, however often it was delivered
stg_late_error_events as (

    select *
    from identified
    qualify row_number() over (
        partition by event_type, failure_id
        order by ingest_batch, severity_text, status_message
    ) = 1

)

select * from stg_late_error_events
