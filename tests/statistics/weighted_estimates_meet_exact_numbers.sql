-- Warns only: an estimate may be off by chance on a user's lake, and the contract lets statistics
-- only warn (docs/contract.md). test_pipeline.py fails where this finds anything.
{{ config(severity='warn', tags=['statistics']) }}

-- R4: what the sample estimates by its weights, beside the exact number in the same lake: spans and
-- their latency by environment and service. The variance is that of the known population, the sum
-- of x² (1 - p) / p over traces; only where 30 kept traces are expected. Returns what is off by
-- more than six standard deviations.
with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

traces as (

    select
        traces.trace_id,
        traces.sample_weight
    from {{ ref('traces') }} as traces
    left semi join taken_builds
        on traces.build_id = taken_builds.build_id
    where {{ is_tested_date('traces.partition_date') }}

),

-- one row per trace and service
parts as (

    select
        spans.environment,
        spans.service,
        spans.trace_id,
        traces.sample_weight,
        cast(count(*) as double) as span_count,
        sum(spans.latency_ms) as latency_ms
    from {{ ref('spans') }} as spans
    inner join traces
        on spans.trace_id = traces.trace_id
    where {{ is_tested_date('spans.partition_date') }}
    group by 1, 2, 3, 4

),

population as (

    select
        environment,
        service,
        sum(1 / sample_weight) as expected_trace_count,
        sum(span_count) as span_count,
        sum(latency_ms) as latency_ms,
        sum(span_count * span_count * (sample_weight - 1)) as span_count_variance,
        sum(latency_ms * latency_ms * (sample_weight - 1)) as latency_variance
    from parts
    group by 1, 2

),

estimates as (

    select
        kept.environment,
        kept.service,
        sum(kept.sample_weight) as span_count,
        sum(kept.sample_weight * kept.latency_ms) as latency_ms
    from {{ ref('sampled_spans') }} as kept
    left semi join traces
        on kept.trace_id = traces.trace_id
    where {{ is_tested_date('kept.partition_date') }}
    group by 1, 2

),

compared as (

    select
        population.environment,
        population.service,
        population.expected_trace_count,
        population.span_count,
        population.latency_ms,
        coalesce(estimates.span_count, 0d) as estimated_span_count,
        coalesce(estimates.latency_ms, 0d) as estimated_latency_ms,
        abs(coalesce(estimates.span_count, 0d) - population.span_count)
        / sqrt(population.span_count_variance) as span_count_deviation,
        abs(coalesce(estimates.latency_ms, 0d) - population.latency_ms)
        / sqrt(population.latency_variance) as latency_deviation
    from population
    left join estimates
        on
            population.environment = estimates.environment
            and population.service = estimates.service
    where population.expected_trace_count >= 30

)

select * from compared
where span_count_deviation > 6 or latency_deviation > 6
