{{ config(materialized='view') }}

-- depends_on: {{ ref('changed_days') }}
{%- set dates = changed_dates() %}

-- Hours that hold an event of a changed trace, or held one before (R6). Spans never change their
-- start; a log record counts at its own time, an error log where its span started, and before that
-- span had arrived, or in an earlier version, at another time: so all of its hours are changed.
with changed_traces as (

    select touched_key from {{ ref('changed_traces') }}

),

span_hours as (

    select {{ hour_start('spans.started_at') }} as touched_key
    from {{ ref('spans') }} as spans
    left semi join changed_traces
        on coalesce(spans.trace_id, spans.record_hash) = changed_traces.touched_key
    where spans.partition_date in {{ dates }}

),

log_hours as (

    select
        explode(transform(
            concat(
                coalesce(log_records.logged_at_versions, array(log_records.logged_at)),
                array(coalesce(log_records.span_started_at, log_records.logged_at))
            ),
            moment -> {{ hour_start('moment') }}
        )) as touched_key
    from {{ ref('log_records') }} as log_records
    left semi join changed_traces
        on coalesce(log_records.trace_id, log_records.record_hash) = changed_traces.touched_key
    where log_records.partition_date in {{ dates }}

),

-- one row per changed hour
changed_hours as (

    select touched_key from span_hours
    union distinct
    select touched_key from log_hours

)

select * from changed_hours
