-- depends_on: {{ ref('changed_hours') }}
{{ config(
    touched='changed_hours',
    **gold_layout()
) }}

{%- set hours = changed_hours() if is_incremental() else none %}
{%- set window_keys = ['window_start', 'environment', 'region', 'service', 'endpoint'] %}

with {{ endpoint_events(window_start, hours) }},

-- one row per window, endpoint and pattern: a failure counts once (R10)
patterns as (

    select
        {{ window_keys | join(',\n        ') }},
        fingerprint,
        min_by(
            struct(error_message, trace_id),
            struct(trace_id is null, counted_at, failure_id, error_message, trace_id)
        ) as example,
        count(distinct failure_id) as failure_count
    from endpoint_events
    where fingerprint is not null
    group by 1, 2, 3, 4, 5, 6

),

-- one row per window and endpoint that saw errors
window_patterns as (

    select
        {% for key in window_keys -%}
        patterns.{{ key }},
        {% endfor -%}
        array_sort(
            collect_list(struct(
                patterns.fingerprint,
                patterns.example.error_message,
                patterns.failure_count,
                patterns.example.trace_id
            )),
            (one, other) -> case
                when one.failure_count > other.failure_count then -1
                when one.failure_count < other.failure_count then 1
                when one.fingerprint < other.fingerprint then -1
                when one.fingerprint > other.fingerprint then 1
                else 0
            end
        ) as error_patterns
    from patterns
    group by 1, 2, 3, 4, 5

),

-- one row per window and endpoint: exact numbers from all events (R4)
window_totals as (

    select
        {{ window_keys | join(',\n        ') }},
        count_if(is_request) as request_count,
        count_if(is_error) as error_count,
        count_if(is_error_log) as error_log_count,
        count_if(latency_ms > {{ var('slow_request_ms') }}) as slow_count,
        count(distinct trace_id) as trace_count,
        percentile(latency_ms, array(0.5, 0.95, 0.99)) as percentiles,
        max(latency_ms) as max_latency_ms,
        {{ sampled_traces('kept_trace') }} as sample_trace_ids,
        count(distinct kept_trace) as kept_trace_count
    from endpoint_events
    group by 1, 2, 3, 4, 5

),

endpoint_minutes as (

    select
        {% for key in window_keys -%}
        totals.{{ key }},
        {% endfor -%}
        totals.sample_trace_ids,
        coalesce(
            slice(patterns.error_patterns, 1, {{ var('error_patterns_per_window') }}),
            cast(array() as array<struct<
                fingerprint: string,
                error_message: string,
                failure_count: bigint,
                trace_id: string
            >>)
        ) as error_patterns,
        totals.request_count,
        totals.error_count,
        totals.error_log_count,
        totals.slow_count,
        totals.trace_count,
        totals.kept_trace_count,
        coalesce(cast(array_size(patterns.error_patterns) as bigint), 0) as pattern_count,
        case
            when totals.request_count > 0 then totals.error_count / totals.request_count
        end as error_rate,
        totals.percentiles[0] as p50_latency_ms,
        totals.percentiles[1] as p95_latency_ms,
        totals.percentiles[2] as p99_latency_ms,
        totals.max_latency_ms,
        to_date(totals.window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from window_totals as totals
    left join window_patterns as patterns
        on
            totals.window_start = patterns.window_start
            and totals.environment = patterns.environment
            and totals.region = patterns.region
            and totals.service = patterns.service
            and totals.endpoint = patterns.endpoint

)

select * from endpoint_minutes
{%- if not is_incremental() %}
sort by partition_date, environment, service, endpoint, window_start
{%- endif %}
