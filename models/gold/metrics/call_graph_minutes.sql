-- depends_on: {{ ref('changed_hours') }}
{{ config(partition_by='partition_date', touched='changed_hours') }}

{%- set hours = changed_hours() if is_incremental() else none %}

-- calls in the window where the callee began to work on them
with service_calls as (

    select
        *,
        {{ window_start('coalesce(server_started_at, started_at)') }} as window_start
    from {{ ref('service_calls') }}
    {% if is_incremental() -%}
    where
        partition_date in {{ dates_of_hours(hours) }}
        and {{ is_in_hours('coalesce(server_started_at, started_at)', hours) }}
    {%- endif %}

),

-- one row per window and edge: exact numbers from all calls (R4)
totals as (

    select
        window_start,
        environment,
        region,
        source_service,
        target_service,
        target_type,
        is_self_call,
        count(*) as call_count,
        count_if(is_error) as error_count,
        count_if(is_client_error) as client_error_count,
        count_if(is_server_error) as server_error_count,
        count_if(client_missing) as client_missing_count,
        count_if(is_linked) as linked_count,
        percentile(client_latency_ms, array(0.5, 0.95, 0.99)) as client_percentiles,
        percentile(server_latency_ms, array(0.5, 0.95, 0.99)) as server_percentiles,
        percentile(wait_ms, array(0.5, 0.95)) as wait_percentiles,
        -- the slowest that failed
        max(
            case
                when is_error
                    then struct(latency_ms, trace_id, source_span_id, target_span_id)
            end
        ) as example
    from service_calls
    group by 1, 2, 3, 4, 5, 6, 7

),

call_graph_minutes as (

    select
        window_start,
        environment,
        region,
        source_service,
        target_service,
        target_type,
        example.trace_id,
        example.source_span_id,
        example.target_span_id,
        is_self_call,
        call_count,
        error_count,
        client_error_count,
        server_error_count,
        client_missing_count,
        linked_count,
        error_count / call_count as error_rate,
        client_percentiles[0] as client_p50_latency_ms,
        client_percentiles[1] as client_p95_latency_ms,
        client_percentiles[2] as client_p99_latency_ms,
        server_percentiles[0] as server_p50_latency_ms,
        server_percentiles[1] as server_p95_latency_ms,
        server_percentiles[2] as server_p99_latency_ms,
        -- to the µs, as silver.service_calls has it: a quarter of the bytes
        round(wait_percentiles[0], 3) as wait_p50_ms,
        round(wait_percentiles[1], 3) as wait_p95_ms,
        to_date(window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from totals

)

select * from call_graph_minutes
{%- if not is_incremental() %}
sort by partition_date, environment, source_service, target_service, window_start
{%- endif %}
