{#-
    Query, the first step of the drill-down: windows of gold.endpoint_minutes in a time range that
    fail more often than `min_error_rate`, or have error logs and no request; most errors first. Its
    `sample_trace_ids` are what `trace_rows` takes. `status` is found, or expired in the one row of a
    day whose windows are gone.

    service: one service alone. as_of: a version of the table or a time; none for now.
-#}
{% macro incident_windows(
    from_time, to_time, min_error_rate=0.5, service=none, as_of=none
) -%}
    {%- set windows = ref('endpoint_minutes') -%}
    {%- set table = 'gold.endpoint_minutes' -%}
    {%- set from_time, to_time = time_literal(from_time), time_literal(to_time) -%}
with windows as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint,
        sample_trace_ids,
        error_patterns,
        request_count,
        error_count,
        error_log_count,
        error_rate,
        p50_latency_ms,
        p95_latency_ms,
        bronze_version,
        silver_version,
        build_id
    from {{ windows }}{{ as_of_clause(windows, as_of) }}
    where
        window_start >= {{ from_time }}
        and window_start < {{ to_time }}
        and partition_date >= to_date({{ from_time }})
        and partition_date <= to_date({{ to_time }})
        and {{ is_kept('partition_date', table) }}
        and (error_rate > {{ min_error_rate | float }} or (request_count = 0 and error_log_count > 0))
        {%- if service is not none %}
        and service = {{ text_literal(service) }}
        {%- endif %}

),

{{ told_windows('windows', table, from_time, to_time) }}

select * from told_windows
order by error_count desc, error_log_count desc, window_start, service, endpoint
{%- endmacro %}
