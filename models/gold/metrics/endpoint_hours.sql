-- depends_on: {{ ref('changed_hours') }}
{{ config(
    touched='changed_hours',
    **gold_layout()
) }}

{%- set hours = changed_hours() if is_incremental() else none %}
{%- set window_keys = ['window_start', 'environment', 'region', 'service', 'endpoint'] %}

with {{ endpoint_events(hour_start, hours) }},

-- one row per hour, endpoint and pattern: a failure counts once (R10)
patterns as (

    select
        {{ window_keys | join(',\n        ') }},
        fingerprint,
        count(distinct failure_id) as failure_count,
        min(trace_id) as trace_id
    from endpoint_events
    where fingerprint is not null
    group by 1, 2, 3, 4, 5, 6

),

-- one row per hour and endpoint that saw errors
hour_patterns as (

    select
        {{ window_keys | join(',\n        ') }},
        array_sort(collect_list(struct(fingerprint, failure_count, trace_id))) as error_patterns
    from patterns
    group by 1, 2, 3, 4, 5

),

-- one row per hour, endpoint and bucket of OpenTelemetry's exponential histogram: bucket i holds
-- what is above b^i and at most b^(i+1), where b = 2^(2^-scale); less than 1 ns counts as 1 ns
buckets as (

    select
        {{ window_keys | join(',\n        ') }},
        cast(
            ceil(log2(greatest(latency_ms, 1e-6)) * {{ 2 ** var('latency_histogram_scale') }}) - 1
            as int
        ) as latency_bucket,
        count(*) as request_count
    from endpoint_events
    where latency_ms is not null
    group by 1, 2, 3, 4, 5, 6

),

histograms as (

    select
        {{ window_keys | join(',\n        ') }},
        array_sort(collect_list(struct(latency_bucket as bucket, request_count))) as latency_buckets
    from buckets
    group by 1, 2, 3, 4, 5

),

-- one row per hour and endpoint: exact numbers from all events (R4)
totals as (

    select
        {{ window_keys | join(',\n        ') }},
        count_if(is_request) as request_count,
        count_if(is_error) as error_count,
        count_if(is_error_log) as error_log_count,
        count_if(latency_ms > {{ var('slow_request_ms') }}) as slow_count,
        count(distinct trace_id) as trace_count,
        cast(sum(cast(latency_ms as decimal(38, 6))) as double) as latency_sum_ms,
        max(latency_ms) as max_latency_ms,
        {{ sampled_traces('kept_trace') }} as sample_trace_ids,
        count(distinct kept_trace) as kept_trace_count
    from endpoint_events
    group by 1, 2, 3, 4, 5

),

endpoint_hours as (

    select
        {% for key in window_keys -%}
        totals.{{ key }},
        {% endfor -%}
        totals.sample_trace_ids,
        coalesce(
            patterns.error_patterns,
            cast(array() as array<struct<
                fingerprint: string, failure_count: bigint, trace_id: string
            >>)
        ) as error_patterns,
        coalesce(
            histograms.latency_buckets,
            cast(array() as array<struct<bucket: int, request_count: bigint>>)
        ) as latency_buckets,
        totals.request_count,
        totals.error_count,
        totals.error_log_count,
        totals.slow_count,
        totals.trace_count,
        totals.kept_trace_count,
        case
            when totals.request_count > 0 then totals.error_count / totals.request_count
        end as error_rate,
        totals.latency_sum_ms,
        totals.max_latency_ms,
        to_date(totals.window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from totals
    left join hour_patterns as patterns
        on
            totals.window_start = patterns.window_start
            and totals.environment = patterns.environment
            and totals.region = patterns.region
            and totals.service = patterns.service
            and totals.endpoint = patterns.endpoint
    left join histograms
        on
            totals.window_start = histograms.window_start
            and totals.environment = histograms.environment
            and totals.region = histograms.region
            and totals.service = histograms.service
            and totals.endpoint = histograms.endpoint

)

select * from endpoint_hours
{%- if not is_incremental() %}
sort by partition_date, environment, service, endpoint, window_start
{%- endif %}
