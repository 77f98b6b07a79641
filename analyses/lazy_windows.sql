-- Windows that no run has built: exact numbers of requests per window of any length, from
-- silver.spans as of any version that can be travelled to. With the length of gold.endpoint_minutes
-- they are that table's numbers of its windows with requests. Windows at the ends of the range hold
-- what is inside.
-- dbt show --limit 100 --select lazy_windows --vars '{from_time: 2026-01-12, to_time: 2026-01-13,
--     minutes: 10, as_of: 2}'
{%- set from_time, to_time = var('from_time', '2026-01-12'), var('to_time', '2026-01-13') %}
{%- set seconds, as_of = var('minutes', 10) * 60, var('as_of', '') %}

select
    timestamp_seconds(unix_seconds(started_at) div {{ seconds }} * {{ seconds }}) as window_start,
    environment,
    region,
    service,
    coalesce(endpoint, 'unknown_endpoint') as endpoint,
    count(*) as request_count,
    count_if(is_error) as error_count,
    count_if(latency_ms > {{ var('slow_request_ms') }}) as slow_count,
    count_if(is_error) / count(*) as error_rate,
    percentile(latency_ms, 0.5) as p50_latency_ms,
    percentile(latency_ms, 0.95) as p95_latency_ms,
    percentile(latency_ms, 0.99) as p99_latency_ms,
    max(latency_ms) as max_latency_ms
from {{ ref('spans') }} {{ 'version as of ' ~ as_of if as_of != '' }}
where
    is_request
    and started_at >= timestamp '{{ from_time }}'
    and started_at < timestamp '{{ to_time }}'
    and partition_date >= to_date('{{ from_time }}')
    and partition_date <= to_date('{{ to_time }}')
    -- old versions name files of expired days, which are gone
    and {{ is_kept('partition_date', 'silver.spans') }}
group by 1, 2, 3, 4, 5
