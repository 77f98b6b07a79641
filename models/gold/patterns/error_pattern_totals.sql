{{ config(materialized='view') }}

-- What gold.error_patterns is to hold: the days of each pattern together.
with error_pattern_days as (

    select * from {{ ref('error_pattern_days') }}

),

error_pattern_totals as (

    select
        pattern_version,
        fingerprint,
        environment,
        any_value(service) as service,
        any_value(error_type) as error_type,
        any_value(error_template) as error_template,
        any_value(top_frame) as top_frame,
        min_by(error_message, partition_date) as error_message,
        min_by(trace_id, partition_date) as trace_id,
        sum(failure_count) as failure_count,
        sum(event_count) as event_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(partition_date) as partition_date
    from error_pattern_days
    group by 1, 2, 3

)

select * from error_pattern_totals
