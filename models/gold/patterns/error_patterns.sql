{{ config(materialized='table') }}

-- The days of each pattern together: few rows, so all of them are written again in one commit.
with error_patterns as (

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
        min(partition_date) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from {{ ref('error_pattern_days') }}
    group by pattern_version, fingerprint, environment

)

select * from error_patterns
