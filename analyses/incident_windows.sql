-- Drill-down, step 1: windows that fail more often than not, most errors first. `sample_trace_ids`
-- leads to step 2; `silver_version` and `bronze_version` say what a window was built from (R11).
-- dbt show --limit 100 --select incident_windows --vars '{from_time: 2026-01-12T10:15,
--     to_time: 2026-01-12T10:35, as_of: 2}'     as_of: a version of gold.endpoint_minutes, if any
{%- set from_time, to_time = var('from_time', '2026-01-12'), var('to_time', '2026-01-13') %}
{%- set as_of = var('as_of', '') %}

select
    window_start,
    environment,
    region,
    service,
    endpoint,
    request_count,
    error_count,
    error_log_count,
    error_rate,
    p50_latency_ms,
    p95_latency_ms,
    sample_trace_ids,
    bronze_version,
    silver_version,
    build_id
from {{ ref('endpoint_minutes') }} {{ 'version as of ' ~ as_of if as_of != '' }}
where
    window_start >= timestamp '{{ from_time }}'
    and window_start < timestamp '{{ to_time }}'
    and partition_date >= to_date('{{ from_time }}')
    and partition_date <= to_date('{{ to_time }}')
    -- old versions name files of expired days, which are gone
    and {{ is_kept('partition_date', 'gold.endpoint_minutes') }}
    and (error_rate > 0.5 or (request_count = 0 and error_log_count > 0))
order by
    error_count desc, error_log_count desc, window_start asc, service asc, endpoint asc
