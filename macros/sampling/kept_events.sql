{#-
    Steps of a query, of which the last is called `kept_events`: the events of kept traces with the
    verdict of their trace (R2, R3), and those without a trace id that are kept by themselves.

    events: a step with the rows of silver.spans or silver.log_records; occurred_at: column of their
    time; dates: list of the days of their traces, none for all.
-#}
{% macro kept_events(events, occurred_at, dates) -%}
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
    where
        is_kept
        {%- if dates %}
        and partition_date in {{ dates }}
        {%- endif %}

),

-- one row per event of a kept trace: a trace is kept whole
events_of_kept_traces as (

    select
        events.*,
        traces.sample_class,
        traces.sampling_threshold,
        traces.sample_weight,
        traces.upstream_threshold,
        traces.adjusted_weight,
        traces.sampling_policy_version
    from {{ events }} as events
    inner join traces
        on events.trace_id = traces.trace_id

),

-- one row per event without a trace id: each is judged by itself (R3)
classified as (

    select
        *,
        {{ sampling_class('is_error') }} as sample_class
    from {{ events }}
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
            'classified.' ~ occurred_at,
        ) }} as policy
    from classified
    cross join sampling_policies

),

kept_events_without_trace as (

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

kept_events as (

    select * from events_of_kept_traces
    union all
    select * from kept_events_without_trace

)
{%- endmacro %}
