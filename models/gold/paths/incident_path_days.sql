-- depends_on: {{ ref('changed_days') }}
{{ config(partition_by='partition_date', touched='changed_days') }}

with incident_paths as (

    select
        *,
        filter(
            transform(steps, step -> struct(step.service, step.endpoint)),
            (step, hop) -> not (
                hop > 0
                and step.service = steps[hop - 1].service
                and step.endpoint <=> steps[hop - 1].endpoint
            )
        ) as endpoint_path
    from {{ ref('incident_paths') }}
    {% if is_incremental() -%}
    where partition_date in {{ changed_dates() }}
    {%- endif %}

),

-- paths of one shape go the same way to the same kind of error
shaped as (

    select
        *,
        left(sha2(to_json(struct(endpoint_path, error_type, fingerprint)), 256), 16) as shape_hash
    from incident_paths

),

-- one row per day, environment and shape
incident_path_days as (

    select
        environment,
        shape_hash,
        fingerprint,
        any_value(error_type) as error_type,
        any_value(service_path) as service_path,
        any_value(endpoint_path) as endpoint_path,
        min_by(suspected_root_cause, struct(started_at, trace_id, path_rank))
            as suspected_root_cause,
        min_by(error_message, struct(started_at, trace_id, path_rank)) as error_message,
        transform(
            slice(array_sort(collect_set(struct(started_at, trace_id))), 1, 3),
            example -> example.trace_id
        ) as trace_ids,
        count(*) as path_count,
        count(distinct trace_id) as trace_count,
        count(distinct case when is_fatal then trace_id end) as fatal_trace_count,
        min(started_at) as first_seen_at,
        max(started_at) as last_seen_at,
        partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from shaped
    group by environment, shape_hash, fingerprint, partition_date

)

select * from incident_path_days
