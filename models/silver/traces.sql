-- depends_on: {{ ref('trace_arrivals') }}
{{ config(
    partition_by='partition_date',
    touched='trace_arrivals',
    touched_key=['trace_id'],
) }}

-- Over 200 lines: tree, verdict and weight of a trace are worked out together. A table in between
-- would be one more write in each run.

{%- set dates = touched_dates() if is_incremental() %}

with {% if is_incremental() -%}
touched_traces as (

    select touched_key from {{ ref('trace_arrivals') }}

),

{% endif -%}
spans as (

    select
        spans.*,
        {{ nanoseconds('spans.started_at', 'spans.started_at_ns') }} as started_ns,
        {{ tracestate_value('spans.trace_state', 'rv') }} as stated_randomness,
        rpad({{ tracestate_value('spans.trace_state', 'th') }}, 14, '0') as stated_threshold
    from {{ ref('spans') }} as spans
    {% if is_incremental() -%}
    left semi join touched_traces
        on spans.trace_id = touched_traces.touched_key
    {%- endif %}
    where
        spans.trace_id is not null
        {%- if is_incremental() %}
        and spans.partition_date in {{ dates }}
        {%- endif %}

),

log_records as (

    select
        log_records.*,
        {{ nanoseconds('log_records.logged_at', 'log_records.logged_at_ns') }} as logged_ns
    from {{ ref('log_records') }} as log_records
    {% if is_incremental() -%}
    left semi join touched_traces
        on log_records.trace_id = touched_traces.touched_key
    {%- endif %}
    where
        log_records.trace_id is not null
        {%- if is_incremental() %}
        and log_records.partition_date in {{ dates }}
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

placed as (

    select
        trace_id,
        span_id,
        parent_span_id,
        service,
        coalesce(kind in ('client', 'producer'), false) as is_client_side,
        coalesce(kind in ('server', 'consumer'), false) as is_server_side,
        {{ span_place('spans') }} as place
    from spans

),

{{ span_parents('placed') }},

-- one row per trace: the places of the parents of its spans, in the order of the spans
trees as (

    select
        placed.trace_id,
        transform(
            array_sort(collect_list(struct(
                placed.place,
                coalesce(
                    parents.parent_place,
                    case when placed.parent_span_id = placed.span_id then placed.place end,
                    0
                ) as parent_place
            ))),
            span -> span.parent_place
        ) as parent_places
    from placed
    left join parents
        on
            placed.trace_id = parents.trace_id
            and placed.place = parents.place
    group by 1

),

-- one row per trace that has spans
span_totals as (

    select
        trace_id,
        min_by(
            struct(span_id, service, endpoint, environment, latency_ms, is_error),
            struct(started_ns, span_id is null, span_id, service, kind, record_hash)
        ) filter (where parent_span_id is null) as root,
        array_sort(collect_set(service)) as services,
        min(environment) as environment,
        min(region) as region,
        min(stated_randomness) as stated_randomness,
        collect_set(stated_threshold) as stated_thresholds,
        count(*) as span_count,
        count_if(is_error) as error_span_count,
        count_if(parent_span_id is null) as root_count,
        count_if(is_orphan) as orphan_count,
        collect_set(partition_date) as event_dates,
        array_sort(array_distinct(flatten(collect_list(
            case when kind = 'consumer' then array_compact(links.trace_id) end
        )))) as linked_trace_ids,
        min(started_ns) as first_ns,
        max(started_ns + {{ latency_ns('latency_ms') }}) as last_ns,
        min(first_arrival_at) as first_arrival_at,
        max(last_arrival_at) as last_arrival_at,
        min(ingest_batch) as ingest_batch
    from spans
    group by 1

),

-- one row per trace that has log records
log_totals as (

    select
        trace_id,
        min(environment) as environment,
        min(region) as region,
        collect_set(span_id) filter (where is_error) as failing_span_ids,
        count(*) as log_count,
        count_if(is_error) as error_log_count,
        collect_set(partition_date) as event_dates,
        min(logged_ns) as first_ns,
        max(logged_ns) as last_ns,
        min(first_arrival_at) as first_arrival_at,
        max(last_arrival_at) as last_arrival_at,
        min(ingest_batch) as ingest_batch
    from log_records
    group by 1

),

-- one row per trace
joined as (

    select
        coalesce(spans.trace_id, logs.trace_id) as trace_id,
        spans.root,
        coalesce(spans.services, cast(array() as array<string>)) as services,
        coalesce(
            spans.root.environment, least(spans.environment, logs.environment)
        ) as environment,
        least(spans.region, logs.region) as region,
        spans.stated_randomness,
        spans.stated_thresholds,
        coalesce(spans.span_count, 0) as span_count,
        coalesce(spans.error_span_count, 0) as error_span_count,
        coalesce(spans.root_count, 0) as root_count,
        coalesce(spans.orphan_count, 0) as orphan_count,
        -- from a circle no way leads up to a span without parent; it holds a span that begins no
        -- later than its parent
        case
            when size(filter(trees.parent_places, (parent, place) -> parent > place)) > 0
                then size(filter({{ root_of_pointers('trees.parent_places') }}, place -> place > 0))
            else 0
        end as cyclic_span_count,
        coalesce(trees.parent_places, cast(array() as array<int>)) as parent_places,
        array_sort(array_distinct(concat(
            coalesce(spans.event_dates, array()),
            coalesce(logs.event_dates, array())
        ))) as event_dates,
        case when size(spans.linked_trace_ids) > 0 then spans.linked_trace_ids end
            as linked_trace_ids,
        coalesce(logs.log_count, 0) as log_count,
        coalesce(logs.error_log_count, 0) as error_log_count,
        coalesce(
            spans.root.latency_ms,
            (coalesce(spans.last_ns, logs.last_ns) - coalesce(spans.first_ns, logs.first_ns)) / 1e6
        ) as latency_ms,
        coalesce(spans.root.is_error, false) or coalesce(
            array_contains(logs.failing_span_ids, spans.root.span_id), false
        ) as is_fatal,
        least(spans.first_ns, logs.first_ns) as first_ns,
        greatest(spans.last_ns, logs.last_ns) as last_ns,
        least(spans.first_arrival_at, logs.first_arrival_at) as first_arrival_at,
        greatest(spans.last_arrival_at, logs.last_arrival_at) as last_arrival_at,
        least(spans.ingest_batch, logs.ingest_batch) as ingest_batch
    from span_totals as spans
    full outer join log_totals as logs
        on spans.trace_id = logs.trace_id
    left join trees
        on spans.trace_id = trees.trace_id

),

-- the worst evidence ever ingested decides the class (R3)
classified as (

    select
        *,
        {{ sampling_class('error_span_count + error_log_count > 0', 'latency_ms') }}
            as sample_class,
        {{ randomness_source('stated_randomness', 'environment') }} as randomness_source,
        {{ trace_randomness('stated_randomness', 'trace_id', 'environment') }} as randomness,
        {{ timestamp_from_ns('first_ns') }} as started_at
    from joined

),

verdicts as (

    select
        classified.*,
        {{ sampling_policy(
            'sampling_policies.policies',
            'classified.sample_class',
            'classified.root.service',
            'classified.root.endpoint',
            'classified.started_at',
        ) }} as policy,
        -- a threshold that its own randomness contradicts was not stated
        array_max(filter(
            classified.stated_thresholds,
            threshold -> {{ is_sampled('classified.randomness', 'threshold') }}
        )) as upstream_threshold
    from classified
    cross join sampling_policies

),

traces as (

    select
        trace_id,
        root.span_id as root_span_id,
        root.service,
        root.endpoint,
        services,
        environment,
        region,
        sample_class,
        randomness,
        randomness_source,
        {{ canonical_threshold('policy.sampling_threshold') }} as sampling_threshold,
        {{ canonical_threshold('upstream_threshold') }} as upstream_threshold,
        policy.sampling_policy_version,
        {{ sampling_weight('policy.sampling_threshold') }} as sample_weight,
        case
            when upstream_threshold is not null then {{ sampling_weight(
                "greatest(upstream_threshold, rpad(policy.sampling_threshold, 14, '0'))"
            ) }}
        end as adjusted_weight,
        latency_ms,
        span_count,
        log_count,
        error_span_count,
        error_log_count,
        root_count,
        orphan_count,
        cyclic_span_count,
        parent_places,
        root_count = 1 and orphan_count = 0 and cyclic_span_count = 0 as is_complete,
        {{ is_sampled('randomness', 'policy.sampling_threshold') }} as is_kept,
        sample_class = 'error' and is_fatal as is_fatal,
        started_at,
        {{ timestamp_from_ns('last_ns') }} as ended_at,
        first_arrival_at,
        last_arrival_at,
        event_dates,
        linked_trace_ids,
        to_date(started_at) as partition_date,
        ingest_batch,
        {{ pinned_version() }} as bronze_version,
        {{ silver_build_id() }} as build_id
    from verdicts

)

select * from traces
