-- depends_on: {{ ref('trace_arrivals') }}
{{ config(
    touched='trace_arrivals',
    touched_key=['trace_id', 'record_hash'],
    **silver_layout()
) }}

-- Over 200 lines: versions are compared, then a span lends what a record lacks. A table in between
-- would be one more write in each run.

{%- set dates = touched_dates() if is_incremental() %}
{%- set same_record = 'trace_key, record_uid, record_source' %}

with incoming as (

    select
        stg_log_records.*,
        array({{ timestamp_from_ns('logged_ns') }}) as version_times,
        ingested_at as first_arrival_at,
        ingested_at as last_arrival_at
    from {{ ref('stg_log_records') }} as stg_log_records
    where
        {{ is_outstanding_batch('ingest_batch', from_nothing=not is_incremental()) }}
        and not {{ is_expired_on_arrival('stg_log_records', timestamp_from_ns('logged_ns')) }}

),

{% if is_incremental() -%}
touched_traces as (

    select touched_key from {{ ref('trace_arrivals') }}

),

-- what Silver holds of the touched traces already
held as (

    select
        log_records.*,
        {{ nanoseconds('log_records.logged_at', 'log_records.logged_at_ns') }} as logged_ns,
        coalesce(log_records.logged_at_versions, array(log_records.logged_at)) as version_times
    from {{ this }} as log_records
    left semi join touched_traces
        on coalesce(log_records.trace_id, log_records.record_hash) = touched_traces.touched_key
    where log_records.partition_date in {{ dates }}

),

{% endif -%}
-- one row per arrival of a log record
versions as (
    {% set version_columns %}
        trace_id,
        span_id,
        record_hash,
        event_name,
        severity_text,
        severity_source,
        body,
        error_type,
        error_message,
        error_stack,
        region,
        stream,
        scope_name,
        attributes,
        resource_attributes,
        severity_number,
        logged_ns,
        version_times,
        is_error,
        is_truncated,
        first_arrival_at,
        last_arrival_at,
        ingest_batch
    {%- endset %}
    select {{ version_columns }}
    from incoming
    {%- if is_incremental() %}
    union all
    select {{ version_columns }}
    from held
    {%- endif %}

),

-- what makes it the same record: its uid, else source, time, ids and text
identified as (

    select
        *,
        coalesce(trace_id, record_hash) as trace_key,
        {{ record_uid('attributes') }} as record_uid,
        case
            when {{ record_uid('attributes') }} is null then struct(
                {{ log_source('resource_attributes') }} as source,
                logged_ns,
                span_id,
                body
            )
        end as record_source
    from versions

),

compared as (

    select
        *,
        min(region) over (partition by {{ same_record }}) as smallest_region,
        min(first_arrival_at) over (partition by {{ same_record }}) as earliest_arrival_at,
        max(last_arrival_at) over (partition by {{ same_record }}) as latest_arrival_at,
        min(ingest_batch) over (partition by {{ same_record }}) as first_batch,
        array_sort(array_distinct(flatten(
            collect_list(version_times) over (partition by {{ same_record }})
        ))) as logged_at_versions,
        case
            when count(*) over (partition by {{ same_record }}) > 1 then to_json(struct(
                span_id,
                event_name,
                severity_text,
                severity_source,
                body,
                error_type,
                error_message,
                error_stack,
                stream,
                scope_name,
                attributes,
                resource_attributes,
                is_truncated
            ))
        end as content
    from identified

),

-- one row per log record: the winner of R5's total order
resolved as (

    select *
    from compared
    qualify row_number() over (
        partition by {{ same_record }}
        order by is_error desc, logged_ns desc, severity_number desc, content desc
    ) = 1

),

-- one row per span id of a trace: the spans that bear it, the earliest first
carriers as (

    select
        spans.trace_id,
        spans.span_id,
        array_sort(collect_list(struct(
            spans.started_at,
            spans.started_at_ns,
            spans.service,
            spans.kind,
            spans.endpoint,
            spans.environment,
            spans.region
        ))) as carriers
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
        and spans.span_id is not null
    group by 1, 2

),

-- one row per log record, with the span that it belongs to: one of its own service, if any
carried as (

    select
        resolved.*,
        coalesce(
            get(filter(
                carriers.carriers,
                carrier -> carrier.service = {{ service_name('resolved.resource_attributes') }}
            ), 0),
            get(carriers.carriers, 0)
        ) as carrier
    from resolved
    left join carriers
        on
            resolved.trace_id = carriers.trace_id
            and resolved.span_id = carriers.span_id

),

log_records as (

    select
        trace_id,
        span_id,
        record_hash,
        coalesce(
            {{ service_name('resource_attributes') }},
            carrier.service,
            {{ workload_name('resource_attributes') }},
            'unknown_service'
        ) as service,
        carrier.endpoint,
        event_name,
        severity_text,
        severity_source,
        body,
        {{ log_statement('body', 'attributes') }} as statement,
        error_type,
        error_message,
        error_stack,
        -- what a pod's log does not say, its span may
        coalesce(
            nullif({{ environment_name('resource_attributes') }}, 'unknown'),
            carrier.environment,
            'unknown'
        ) as environment,
        smallest_region as region,
        carrier.region as span_region,
        resource_attributes['k8s.namespace.name'] as namespace,
        resource_attributes['k8s.pod.name'] as pod,
        resource_attributes['k8s.container.name'] as container,
        stream,
        scope_name,
        attributes,
        resource_attributes,
        concat(
            {{ unreadable_attributes('attributes', {}) }},
            case
                when severity_number is null and severity_text <> '' then array('severity_text')
                else array()
            end
        ) as unreadable_attributes,
        severity_number,
        is_error,
        is_truncated,
        {{ timestamp_from_ns('logged_ns') }} as logged_at,
        {{ nanosecond_remainder('logged_ns') }} as logged_at_ns,
        case when size(logged_at_versions) > 1 then logged_at_versions end as logged_at_versions,
        carrier.started_at as span_started_at,
        earliest_arrival_at as first_arrival_at,
        latest_arrival_at as last_arrival_at,
        to_date({{ timestamp_from_ns('logged_ns') }}) as partition_date,
        {%- if var('silver_layout') == 'date_trace_prefix' %}
        {{ trace_id_prefix('trace_id') }} as trace_id_prefix,
        {%- endif %}
        first_batch as ingest_batch,
        {{ pinned_version() }} as bronze_version,
        {{ silver_build_id() }} as build_id
    from carried

)

select * from log_records
{%- if not is_incremental() %}
sort by partition_date, trace_id, logged_at
{%- endif %}
