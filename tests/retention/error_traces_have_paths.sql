-- R9: each error trace that Gold has taken has a path. Returns those without.
with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

missing as (

    select
        traces.trace_id,
        traces.started_at
    from {{ ref('traces') }} as traces
    left semi join taken_builds
        on traces.build_id = taken_builds.build_id
    left anti join {{ ref('incident_paths') }} as paths
        on
            traces.trace_id = paths.trace_id
            and {{ is_tested_date('paths.partition_date') }}
    where
        traces.sample_class = 'error'
        and {{ is_tested_build('traces.build_id') }}
        and {{ is_tested_date('traces.partition_date') }}

)

select * from missing
