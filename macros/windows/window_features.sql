{#-
    Query for what counts and percentiles alone tell of a window and service; one row per window,
    environment, region and service.

    minutes: a step with the columns of gold.endpoint_minutes_aggregated.
-#}
{% macro window_features(minutes) -%}
    select
        window_start,
        environment,
        region,
        service,
        count_if(request_count > 0) as endpoint_count,
        sum(request_count) as request_count,
        sum(error_count) as error_count,
        sum(error_log_count) as error_log_count,
        sum(slow_count) as slow_count,
        count_if(error_count > 0) as failing_endpoint_count,
        case when sum(request_count) > 0 then sum(error_count) / sum(request_count) end
            as error_rate,
        case when sum(request_count) > 0 then sum(slow_count) / sum(request_count) end
            as slow_rate,
        max(error_rate) as max_error_rate,
        -- percentiles do not add: those of the slowest endpoint
        max(p50_latency_ms) as max_p50_latency_ms,
        max(p95_latency_ms) as max_p95_latency_ms,
        max(p99_latency_ms) as max_p99_latency_ms,
        max(max_latency_ms) as max_latency_ms
    from {{ minutes }}
    group by 1, 2, 3, 4
{%- endmacro %}
