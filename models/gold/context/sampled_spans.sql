-- depends_on: {{ ref('changed_traces') }}
{{ config(
    partition_by='partition_date',
    touched='changed_traces',
    touched_key=['trace_id', 'record_hash'],
) }}

with spans as (

    select spans.*
    from {{ ref('spans') }} as spans
    {% if is_incremental() -%}
    left semi join {{ ref('changed_traces') }} as changed_traces
        on coalesce(spans.trace_id, spans.record_hash) = changed_traces.touched_key
    {%- endif %}

),

sampling_policies as (

    select
        collect_list(struct(
            sampling_policy_version,
            service,
            endpoint,
            sample_class,
            sampling_threshold,
            valid_from
        )) as policies
    from {{ ref('sampling_policies') }}

),

traces as (

    select
        trace_id,
        sample_class,
        sampling_threshold,
        sample_weight,
        upstream_threshold,
        adjusted_weight,
        sampling_policy_version
    from {{ ref('traces') }}
    where is_kept

),

-- one row per span of a kept trace: a trace is kept whole
spans_of_kept_traces as (

    select
        spans.*,
        traces.sample_class,
        traces.sampling_threshold,
        traces.sample_weight,
        traces.upstream_threshold,
        traces.adjusted_weight,
        traces.sampling_policy_version
    from spans
    inner join traces
        on spans.trace_id = traces.trace_id

),

-- one row per span without a trace id: each is judged by itself (R3)
classified as (

    select
        *,
        {{ sampling_class('is_error') }} as sample_class
    from spans
    where trace_id is null

),

verdicts as (

    select
        classified.*,
        {{ sampling_policy(
            'sampling_policies.policies',
            'classified.sample_class',
            'classified.service',
            'classified.endpoint',
            'classified.started_at',
        ) }} as policy
    from classified
    cross join sampling_policies

),

kept_spans_without_trace as (

    select
        * except (policy),
        {{ canonical_threshold('policy.sampling_threshold') }} as sampling_threshold,
        {{ sampling_weight('policy.sampling_threshold') }} as sample_weight,
        cast(null as string) as upstream_threshold,
        cast(null as double) as adjusted_weight,
        policy.sampling_policy_version
    from verdicts
    where {{ is_sampled('right(record_hash, 14)', 'policy.sampling_threshold') }}

),

kept_spans as (

    select * from spans_of_kept_traces
    union all
    select * from kept_spans_without_trace

),

sampled_spans as (

    select
        trace_id,
        span_id,
        parent_span_id,
        record_hash,
        service,
        endpoint,
        operation,
        kind,
        status_code,
        status_message,
        error_type,
        error_message,
        error_stack,
        environment,
        region,
        namespace,
        pod,
        service_version,
        scope_name,
        sample_class,
        sampling_threshold,
        upstream_threshold,
        attributes,
        resource_attributes,
        links,
        http_status_code,
        rpc_status_code,
        sampling_policy_version,
        sample_weight,
        adjusted_weight,
        latency_ms,
        is_error,
        is_request,
        is_orphan,
        is_end_missing,
        started_at,
        started_at_ns,
        {{ timestamp_from_ns(
            '(' ~ nanoseconds('started_at', 'started_at_ns') ~ ' + ' ~ latency_ns('latency_ms') ~ ')'
        ) }} as ended_at,
        first_arrival_at,
        last_arrival_at,
        partition_date,
        bronze_version,
        {{ delta_version(ref('spans')) }} as silver_version,
        {{ build_id() }} as build_id
    from kept_spans

)

select * from sampled_spans
