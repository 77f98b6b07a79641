{{ config(materialized='view') }}

-- Option A: what is left of gold.anomaly_features without context.
with anomaly_features_aggregated as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint_count,
        request_count,
        error_count,
        error_log_count,
        slow_count,
        failing_endpoint_count,
        error_rate,
        slow_rate,
        max_error_rate,
        max_p50_latency_ms,
        max_p95_latency_ms,
        max_p99_latency_ms,
        max_latency_ms,
        partition_date,
        bronze_version,
        silver_version,
        build_id
    from {{ ref('anomaly_features') }}

)

select * from anomaly_features_aggregated
