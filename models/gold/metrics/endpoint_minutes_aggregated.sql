-- depends_on: {{ ref('rebuilt_minutes') }}
{{ config(
    touched='rebuilt_minutes',
    touched_dates=true,
    touched_key=['window_start'],
    **gold_layout()
) }}

with minutes as (

    select minutes.*
    from {{ ref('endpoint_minutes') }} as minutes
    {% if is_incremental() -%}
    left semi join {{ ref('rebuilt_minutes') }} as rebuilt_minutes
        on minutes.window_start = rebuilt_minutes.touched_key
    where minutes.partition_date in {{ dates_of(ref('rebuilt_minutes')) }}
    {%- endif %}

),

endpoint_minutes_aggregated as (

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
    from minutes

)

select * from endpoint_minutes_aggregated
{%- if not is_incremental() %}
sort by partition_date, environment, service, endpoint, window_start
{%- endif %}
