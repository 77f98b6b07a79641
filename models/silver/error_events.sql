-- depends_on: {{ ref('trace_arrivals') }}
{{ config(
    partition_by='partition_date',
    touched='trace_arrivals',
    touched_key=['trace_id', 'record_hash'],
) }}

-- Over 200 lines: spans and logs are told apart, then tied to one failure. A table in between
-- would be one more write in each run.

{%- set dates = touched_dates() if is_incremental() %}

with {% if is_incremental() -%}
touched_traces as (

    select touched_key from {{ ref('trace_arrivals') }}

),

{% endif -%}
spans as (

    select spans.*
    from {{ ref('spans') }} as spans
    {% if is_incremental() -%}
    left semi join touched_traces
        on coalesce(spans.trace_id, spans.record_hash) = touched_traces.touched_key
    {%- endif %}
    where
        spans.is_error
        {%- if is_incremental() %}
        and spans.partition_date in {{ dates }}
        {%- endif %}

),

log_records as (

    select log_records.*
    from {{ ref('log_records') }} as log_records
    {% if is_incremental() -%}
    left semi join touched_traces
        on coalesce(log_records.trace_id, log_records.record_hash) = touched_traces.touched_key
    {%- endif %}
    where
        log_records.is_error
        {%- if is_incremental() %}
        and log_records.partition_date in {{ dates }}
        {%- endif %}

),

-- one row per error span and distinct error that a version of it stated (R2)
error_spans as (

    select
        'span' as event_type,
        trace_id,
        span_id,
        parent_span_id,
        record_hash,
        service,
        endpoint,
        operation,
        kind,
        status_code,
        status_message,
        variant.error_type,
        variant.error_message,
        variant.error_stack,
        cast(null as string) as body,
        cast(null as string) as severity_text,
        cast(null as string) as severity_source,
        environment,
        region,
        namespace,
        pod,
        cast(null as string) as container,
        service_version,
        attributes,
        http_status_code,
        rpc_status_code,
        cast(null as int) as severity_number,
        latency_ms,
        is_request,
        started_at as occurred_at,
        started_at_ns as occurred_at_ns,
        started_at as span_started_at,
        first_arrival_at,
        last_arrival_at,
        partition_date,
        ingest_batch,
        bronze_version,
        {{ silver_build_id() }} as build_id
    from spans
        lateral view explode(error_variants) as variant

),

-- one row per error log record
error_log_records as (

    select
        'log' as event_type,
        trace_id,
        span_id,
        cast(null as string) as parent_span_id,
        record_hash,
        service,
        endpoint,
        event_name as operation,
        cast(null as string) as kind,
        cast(null as string) as status_code,
        cast(null as string) as status_message,
        error_type,
        error_message,
        error_stack,
        body,
        severity_text,
        severity_source,
        environment,
        coalesce(nullif(region, 'unknown'), span_region, region) as region,
        namespace,
        pod,
        container,
        resource_attributes['service.version'] as service_version,
        attributes,
        cast(null as int) as http_status_code,
        cast(null as int) as rpc_status_code,
        severity_number,
        cast(null as double) as latency_ms,
        false as is_request,
        logged_at as occurred_at,
        logged_at_ns as occurred_at_ns,
        span_started_at,
        first_arrival_at,
        last_arrival_at,
        partition_date,
        ingest_batch,
        bronze_version,
        {{ silver_build_id() }} as build_id
    from log_records

),

all_error_events as (

    select * from error_spans
    union all
    select * from error_log_records

),

told as (

    select
        *,
        regexp_extract(error_type, '[^.$:]+$', 0) as short_type,
        {{ failure_id() }} as own_failure_id
    from all_error_events

),

-- each with what the span of its id says
beside_spans as (

    select
        *,
        collect_list(
            case
                when event_type = 'span' then struct(own_failure_id, short_type, error_message)
            end
        ) over (
            partition by
                trace_id,
                span_id,
                case when trace_id is null or span_id is null then own_failure_id end
        ) as span_failures
    from told

),

-- what a span and a log record in it tell with one type and message is one failure (R2)
compared as (

    select
        *,
        array_min(transform(
            filter(
                span_failures,
                failure -> failure.short_type <=> short_type
                and case
                    when failure.error_message <> ''
                        then contains(error_message, failure.error_message)
                    else short_type is not null
                end
            ),
            failure -> failure.own_failure_id
        )) as told_failure_id
    from beside_spans

),

-- a log line and the stack trace behind it are one failure: that of the span, if it tells of it
told_together as (

    select
        * except (told_failure_id),
        min(told_failure_id) over (
            partition by event_type, trace_id, own_failure_id
        ) as told_failure_id
    from compared

),

error_events as (

    select
        * except (short_type, own_failure_id, span_failures, told_failure_id),
        case
            when event_type = 'log' then coalesce(told_failure_id, own_failure_id)
            else own_failure_id
        end as failure_id
    from told_together

)

select * from error_events
