-- depends_on: {{ ref('changed_windows') }}
{{ config(
    partition_by='partition_date',
    touched='changed_windows',
    touched_key=['window_start'],
) }}

with {% if is_incremental() -%}
changed_windows as (

    select touched_key from {{ ref('changed_windows') }}

),

{% endif -%}
spans as (

    select
        *,
        {{ window_start('started_at') }} as window_start
    from {{ ref('spans') }}
    where is_request

),

error_logs as (

    select
        *,
        {{ window_start('coalesce(span_started_at, logged_at)') }} as window_start
    from {{ ref('log_records') }}
    where is_error

),

traces as (

    select
        trace_id,
        randomness,
        is_kept
    from {{ ref('traces') }}

),

-- one row per request and per error log record, in its window
events as (

    select
        window_start,
        environment,
        region,
        service,
        coalesce(endpoint, 'unknown_endpoint') as endpoint,
        trace_id,
        error_type,
        error_message,
        latency_ms,
        true as is_request,
        is_error
    from spans
    union all
    select
        window_start,
        environment,
        region,
        service,
        coalesce(endpoint, 'unknown_endpoint') as endpoint,
        trace_id,
        error_type,
        error_message,
        cast(null as double) as latency_ms,
        false as is_request,
        true as is_error
    from error_logs

),

changed_events as (

    select
        events.*,
        case when traces.is_kept then struct(traces.randomness, events.trace_id) end as kept_trace
    from events
    {% if is_incremental() -%}
    left semi join changed_windows
        on events.window_start = changed_windows.touched_key
    {%- endif %}
    left join traces
        on events.trace_id = traces.trace_id

),

-- one row per window, endpoint and distinct error
messages as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint,
        error_type,
        error_message,
        count(*) as error_count,
        min(trace_id) as trace_id
    from changed_events
    where is_error
    group by 1, 2, 3, 4, 5, 6, 7

),

-- one row per window and endpoint that saw errors
window_messages as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint,
        slice(
            array_sort(
                collect_list(struct(error_type, error_message, error_count, trace_id)),
                (one, other) -> case
                    when one.error_count > other.error_count then -1
                    when one.error_count < other.error_count then 1
                    when to_json(one) < to_json(other) then -1
                    when to_json(one) > to_json(other) then 1
                    else 0
                end
            ),
            1, {{ var('error_messages_per_window') }}
        ) as error_messages
    from messages
    group by 1, 2, 3, 4, 5

),

-- one row per window and endpoint: exact numbers from all events (R4)
window_totals as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint,
        count_if(is_request) as request_count,
        count_if(is_request and is_error) as error_count,
        count_if(not is_request) as error_log_count,
        count_if(latency_ms > {{ var('slow_request_ms') }}) as slow_count,
        count(distinct trace_id) as trace_count,
        percentile(latency_ms, array(0.5, 0.95, 0.99)) as percentiles,
        max(latency_ms) as max_latency_ms,
        -- by R descending, then id
        transform(
            slice(
                array_sort(
                    collect_set(kept_trace),
                    (one, other) -> case
                        when one.randomness > other.randomness then -1
                        when one.randomness < other.randomness then 1
                        when one.trace_id < other.trace_id then -1
                        when one.trace_id > other.trace_id then 1
                        else 0
                    end
                ),
                1, {{ var('sample_traces_per_window') }}
            ),
            kept -> kept.trace_id
        ) as sample_trace_ids
    from changed_events
    group by 1, 2, 3, 4, 5

),

endpoint_minutes as (

    select
        totals.window_start,
        totals.environment,
        totals.region,
        totals.service,
        totals.endpoint,
        totals.sample_trace_ids,
        coalesce(
            messages.error_messages,
            cast(array() as array<struct<
                error_type: string, error_message: string, error_count: bigint, trace_id: string
            >>)
        ) as error_messages,
        totals.request_count,
        totals.error_count,
        totals.error_log_count,
        totals.slow_count,
        totals.trace_count,
        case
            when totals.request_count > 0 then totals.error_count / totals.request_count
        end as error_rate,
        totals.percentiles[0] as p50_latency_ms,
        totals.percentiles[1] as p95_latency_ms,
        totals.percentiles[2] as p99_latency_ms,
        totals.max_latency_ms,
        to_date(totals.window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ delta_version(ref('spans')) }} as silver_version,
        {{ build_id() }} as build_id
    from window_totals as totals
    left join window_messages as messages
        on
            totals.window_start = messages.window_start
            and totals.environment = messages.environment
            and totals.region = messages.region
            and totals.service = messages.service
            and totals.endpoint = messages.endpoint

)

select * from endpoint_minutes
