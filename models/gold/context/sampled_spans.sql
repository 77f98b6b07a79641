-- depends_on: {{ ref('changed_traces') }}, {{ ref('changed_days') }}
{{ config(
    partition_by='partition_date',
    touched='changed_traces',
    touched_dates=true,
    touched_key=['trace_id', 'record_hash'],
) }}

{%- set dates = changed_dates() if is_incremental() %}

with spans as (

    select spans.*
    from {{ ref('spans') }} as spans
    {% if is_incremental() -%}
    left semi join {{ ref('changed_traces') }} as changed_traces
        on coalesce(spans.trace_id, spans.record_hash) = changed_traces.touched_key
    where spans.partition_date in {{ dates }}
    {%- endif %}

),

{{ kept_events('spans', 'started_at', dates) }},

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
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from kept_events

)

select * from sampled_spans
{%- if not is_incremental() %}
sort by partition_date, trace_id, started_at
{%- endif %}
