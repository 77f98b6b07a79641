-- depends_on: {{ ref('changed_traces') }}, {{ ref('changed_days') }}
{{ config(
    partition_by='partition_date',
    touched='changed_traces',
    touched_dates=true,
    touched_key=['trace_id', 'record_hash'],
) }}

{%- set dates = changed_dates() if is_incremental() %}

with log_records as (

    select log_records.*
    from {{ ref('log_records') }} as log_records
    {% if is_incremental() -%}
    left semi join {{ ref('changed_traces') }} as changed_traces
        on coalesce(log_records.trace_id, log_records.record_hash) = changed_traces.touched_key
    where log_records.partition_date in {{ dates }}
    {%- endif %}

),

{{ kept_events('log_records', 'logged_at', dates) }},

sampled_log_records as (

    select
        trace_id,
        span_id,
        record_hash,
        service,
        endpoint,
        event_name,
        severity_text,
        body,
        error_type,
        environment,
        coalesce(nullif(region, 'unknown'), span_region, region) as region,
        namespace,
        pod,
        container,
        stream,
        scope_name,
        sample_class,
        sampling_threshold,
        upstream_threshold,
        attributes,
        resource_attributes,
        severity_number,
        sampling_policy_version,
        sample_weight,
        adjusted_weight,
        is_error,
        is_truncated,
        logged_at,
        logged_at_ns,
        first_arrival_at,
        last_arrival_at,
        partition_date,
        bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from kept_events

)

select * from sampled_log_records
{%- if not is_incremental() %}
sort by partition_date, trace_id, logged_at
{%- endif %}
