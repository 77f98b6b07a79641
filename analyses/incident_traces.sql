-- Drill-down, step 2: one trace in Silver, whole, one row per span and log record. Late data may
-- have changed it since Gold was built: as_of takes the `silver_version` of its row in Gold.
-- dbt show --limit 100 --select incident_traces \
--     --vars '{trace_id: 4bf92f3577b34da6a3ce929d0e0e4736, as_of: 3}'
{%- set trace_id, as_of = var('trace_id', '0' * 32), var('as_of', '') %}

with spans as (

    select
        'span' as event_type,
        span_id,
        parent_span_id,
        service,
        endpoint,
        status_code,
        error_type,
        coalesce(error_message, status_message) as message,
        latency_ms,
        is_error,
        started_at as occurred_at
    from {{ ref('spans') }} {{ 'version as of ' ~ as_of if as_of != '' }}
    where
        trace_id = '{{ trace_id }}'
        -- old versions name files of expired days, which are gone
        and {{ is_kept('partition_date', 'silver.spans') }}

),

-- as of now: gold.build_versions has the version of log records that goes with a build
log_records as (

    select
        'log' as event_type,
        span_id,
        cast(null as string) as parent_span_id,
        service,
        endpoint,
        severity_text as status_code,
        error_type,
        body as message,
        cast(null as double) as latency_ms,
        is_error,
        logged_at as occurred_at
    from {{ ref('log_records') }}
    where trace_id = '{{ trace_id }}'

),

events as (

    select * from spans
    union all
    select * from log_records

)

select * from events
order by occurred_at asc, event_type desc, span_id asc
