{{ config(materialized='table') }}

-- The days of each shape together: few rows, so all of them are written again in one commit.
with incident_path_groups as (

    select
        environment,
        shape_hash,
        any_value(fingerprint) as fingerprint,
        any_value(error_type) as error_type,
        any_value(service_path) as service_path,
        any_value(endpoint_path) as endpoint_path,
        min_by(suspected_root_cause, partition_date) as suspected_root_cause,
        min_by(error_message, partition_date) as error_message,
        max_by(trace_ids, partition_date) as trace_ids,
        sum(path_count) as path_count,
        sum(trace_count) as trace_count,
        sum(fatal_trace_count) as fatal_trace_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        min(partition_date) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from {{ ref('incident_path_days') }}
    group by environment, shape_hash

)

select * from incident_path_groups
