-- R2: each span of each error trace that Gold has taken is in gold.sampled_spans. Returns those
-- missing.
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

spans as (

    select spans.*
    from {{ ref('spans') }} as spans
    left semi join error_traces
        on spans.trace_id = error_traces.trace_id
    left semi join taken_builds
        on spans.build_id = taken_builds.build_id
    where {{ is_tested_date('spans.partition_date') }}

),

missing as (

    select
        spans.trace_id,
        spans.span_id,
        spans.service,
        spans.started_at
    from spans
    left anti join {{ ref('sampled_spans') }} as kept
        on
            spans.trace_id = kept.trace_id
            and spans.span_id <=> kept.span_id
            and spans.record_hash <=> kept.record_hash
            and spans.service = kept.service
            and spans.kind <=> kept.kind
            and spans.started_at = kept.started_at
            and spans.started_at_ns <=> kept.started_at_ns
            and {{ is_tested_date('kept.partition_date') }}

)

select * from missing
