-- depends_on: {{ ref('changed_traces') }}, {{ ref('changed_days') }},
-- {{ ref('stg_late_error_events') }}
{{ config(
    alias='error_events',
    partition_by='partition_date',
    touched='changed_traces',
    touched_dates=true,
    from_gold=true,
    touched_key=['trace_id', 'record_hash'],
) }}

{%- set version = var('error_pattern_version') %}
{%- set dates = changed_dates() if is_incremental() %}
{%- set columns = [
    'event_type', 'trace_id', 'span_id', 'parent_span_id', 'record_hash', 'failure_id', 'service',
    'endpoint', 'operation', 'kind', 'status_code', 'status_message', 'error_type',
    'error_message', 'error_stack', 'body', 'severity_text', 'severity_source', 'environment', 'region', 'namespace',
    'pod', 'container', 'service_version', 'attributes', 'http_status_code', 'rpc_status_code',
    'severity_number', 'latency_ms', 'is_request', 'occurred_at', 'occurred_at_ns',
    'span_started_at', 'first_arrival_at', 'last_arrival_at', 'partition_date', 'bronze_version',
] %}

with error_events as (

    select error_events.{{ columns | join(', error_events.') }}
    from {{ ref('error_events') }} as error_events
    {% if is_incremental() -%}
    left semi join {{ ref('changed_traces') }} as changed_traces
        on coalesce(error_events.trace_id, error_events.record_hash) = changed_traces.touched_key
    where error_events.partition_date in {{ dates }}
    {%- endif %}
    {%- if is_incremental() and expired_dates(['silver.spans', 'silver.log_records']) is not none %}
    union all
    -- those of days that Silver had let go, unless they are here (R6): no row gives way to them
    select late_events.{{ columns | join(', late_events.') }}
    from {{ ref('stg_late_error_events') }} as late_events
    left anti join {{ this }} as held
        on
            late_events.partition_date = held.partition_date
            and late_events.event_type = held.event_type
            and late_events.failure_id = held.failure_id
    where {{ is_outstanding_build('late_events.build_id') }}
    {%- endif %}

),

told as (

    select
        *,
        {{ error_fingerprint(
            version,
            'service',
            'error_type',
            error_template('error_message', version),
            top_frame('error_stack', version),
        ) }} as own_fingerprint,
        attributes['tracekeep.failure'] is not null and error_stack is not null as is_stack
    from error_events

),

-- what a log record tells of a failure that a span tells of too goes by that of the span, and a log
-- line by the stack trace behind it (R10)
fingerprinted as (

    select
        *,
        coalesce(
            max(case when event_type = 'span' then own_fingerprint end) over (
                partition by failure_id
            ),
            max(case when is_stack then own_fingerprint end) over (partition by failure_id),
            own_fingerprint
        ) as fingerprint
    from told

),

traces as (

    select
        trace_id,
        sampling_threshold,
        sample_weight,
        upstream_threshold,
        adjusted_weight,
        sampling_policy_version,
        is_fatal
    from {{ ref('traces') }}
    {% if is_incremental() -%}
    where partition_date in {{ dates }}
    {%- endif %}

),

gold_error_events as (

    select
        error_events.event_type,
        error_events.trace_id,
        error_events.span_id,
        error_events.parent_span_id,
        error_events.record_hash,
        {{ record_uid('error_events.attributes') }} as record_uid,
        error_events.failure_id,
        error_events.fingerprint,
        error_events.service,
        error_events.endpoint,
        error_events.operation,
        error_events.kind,
        error_events.status_code,
        error_events.status_message,
        error_events.error_type,
        error_events.error_message,
        error_events.error_stack,
        error_events.body,
        error_events.severity_text,
        error_events.severity_source,
        error_events.environment,
        error_events.region,
        error_events.namespace,
        error_events.pod,
        error_events.container,
        error_events.service_version,
        'error' as sample_class,
        coalesce(traces.sampling_threshold, '0') as sampling_threshold,
        traces.upstream_threshold,
        error_events.http_status_code,
        error_events.rpc_status_code,
        error_events.severity_number,
        traces.sampling_policy_version,
        coalesce(traces.sample_weight, 1d) as sample_weight,
        traces.adjusted_weight,
        error_events.latency_ms,
        error_events.is_request,
        traces.is_fatal,
        error_events.occurred_at,
        error_events.occurred_at_ns,
        coalesce(error_events.span_started_at, error_events.occurred_at) as counted_at,
        error_events.first_arrival_at,
        error_events.last_arrival_at,
        error_events.partition_date,
        error_events.bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from fingerprinted as error_events
    left join traces
        on error_events.trace_id = traces.trace_id

)

select * from gold_error_events
{%- if not is_incremental() %}
sort by partition_date, service, fingerprint, counted_at
{%- endif %}
