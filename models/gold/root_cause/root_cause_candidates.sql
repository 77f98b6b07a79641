{{ config(materialized='view') }}

-- minutes of an environment in which far more failed than in most minutes of the day
with minutes as (

    select
        environment,
        window_start,
        partition_date,
        sum(error_count + error_log_count) as failure_count
    from {{ ref('endpoint_minutes') }}
    group by 1, 2, 3

),

compared as (

    select
        *,
        median(failure_count) over (partition by environment, partition_date) as usual_count
    from minutes

),

failing as (

    select
        *,
        lag(window_start) over (partition by environment order by window_start) as last_start
    from compared
    where failure_count > 3 * (usual_count + 1)

),

numbered as (

    select
        *,
        count_if(last_start is null or window_start > last_start + interval 5 minutes)
            over (partition by environment order by window_start) as episode
    from failing

),

-- one row per incident: failing minutes with less than five others between them
incident_windows as (

    select
        concat_ws(' ', environment, episode) as incident,
        environment,
        min(window_start) as window_start,
        max(window_start) + interval {{ var('window_minutes') }} minutes as window_end
    from numbered
    group by 1, 2

),

{{ root_cause_candidates(
    ref('operation_minutes'), ref('log_statement_minutes'), ref('call_graph_minutes'),
    var('root_cause_reference_hours')
) }}

select * from root_cause_candidates
where candidate_rank <= 5
