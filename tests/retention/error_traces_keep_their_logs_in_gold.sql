-- R2: each log record of each error trace that Gold has taken is in gold.sampled_log_records.
-- Returns those missing.
with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

error_traces as (

    select traces.trace_id
    from {{ ref('traces') }} as traces
    left semi join taken_builds
        on traces.build_id = taken_builds.build_id
    where
        traces.sample_class = 'error'
        and {{ is_tested_build('traces.build_id') }}
        and {{ is_tested_date('traces.partition_date') }}

),

log_records as (

    select log_records.*
    from {{ ref('log_records') }} as log_records
    left semi join error_traces
        on log_records.trace_id = error_traces.trace_id
    left semi join taken_builds
        on log_records.build_id = taken_builds.build_id
    where {{ is_tested_date('log_records.partition_date') }}

),

missing as (

    select
        log_records.trace_id,
        log_records.span_id,
        log_records.service,
        log_records.logged_at
    from log_records
    left anti join {{ ref('sampled_log_records') }} as kept
        on
            log_records.trace_id = kept.trace_id
            and log_records.span_id <=> kept.span_id
            and log_records.service = kept.service
            and log_records.pod <=> kept.pod
            and log_records.body <=> kept.body
            and log_records.logged_at = kept.logged_at
            and log_records.logged_at_ns <=> kept.logged_at_ns
            and {{ is_tested_date('kept.partition_date') }}

)

select * from missing
