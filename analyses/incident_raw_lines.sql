-- Drill-down, step 3: the raw lines of a trace in Bronze, one row per record, as of the
-- `bronze_version` that a row of Gold names. Bronze is not masked: who may not see it uses
-- `python -m tracekeep incident --raw-lines`. dbt's log would keep what is shown:
-- dbt --log-level-file none show --limit 100 --select incident_raw_lines \
--     --vars '{trace_id: 4bf92f3577b34da6a3ce929d0e0e4736, as_of: 3}'
{%- set trace_id, as_of = var('trace_id', '0' * 32), var('as_of', '') %}

with spans as (

    select
        'span' as event_type,
        span_id,
        timestamp_micros(start_time_unix_nano div 1000) as occurred_at,
        raw_text,
        source_file,
        source_position
    from {{ source('bronze', 'spans') }} {{ 'version as of ' ~ as_of if as_of != '' }}
    where
        trace_id = '{{ trace_id }}'
        -- old versions name files of expired days, which are gone
        and {{ is_kept('partition_date', 'bronze.spans') }}

),

-- as of now: rows of Bronze come and go, but do not change
log_records as (

    select
        'log' as event_type,
        span_id,
        timestamp_micros(time_unix_nano div 1000) as occurred_at,
        raw_text,
        source_file,
        source_position
    from {{ source('bronze', 'log_records') }}
    where trace_id = '{{ trace_id }}'

),

raw_lines as (

    select * from spans
    union all
    select * from log_records

)

select * from raw_lines
order by occurred_at asc, event_type desc, source_file asc, source_position asc
