{{ config(materialized='view') }}

-- Option A: what counts and percentiles alone say of a window, beside gold.endpoint_minutes (R4).
with endpoint_minutes_aggregated as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint,
        request_count,
        error_count,
        error_log_count,
        slow_count,
        trace_count,
        error_rate,
        p50_latency_ms,
        p95_latency_ms,
        p99_latency_ms,
        max_latency_ms,
        partition_date,
        bronze_version,
        silver_version,
        build_id
    from {{ ref('endpoint_minutes') }}

)

select * from endpoint_minutes_aggregated
