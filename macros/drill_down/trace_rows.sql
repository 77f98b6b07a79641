{#-
    Query, the second step of the drill-down: whole traces in Silver, one row per span and log record,
    as of the version that the incident's rows in Gold name. A trace without a row has one that says
    why in `status`: erased, expired (Gold knows it) or unknown; else `status` is found.

    trace_ids: list of trace ids. as_of: a version of silver.spans or a time; none for the versions
    that Gold names.
-#}
{% macro trace_rows(trace_ids, as_of=none) -%}
    {%- set spans, log_records = ref('spans'), ref('log_records') -%}
    {%- set of_spans = trace_versions('silver.spans', spans, trace_ids, as_of) -%}
    {%- set of_logs = trace_versions('silver.log_records', log_records, trace_ids, as_of) -%}
with events as (

    {% for group in of_spans -%}
    select
        'span' as event_type,
        trace_id,
        span_id,
        parent_span_id,
        service,
        endpoint,
        operation,
        kind,
        status_code,
        error_type,
        coalesce(error_message, status_message) as message,
        latency_ms,
        is_error,
        started_at as occurred_at,
        {{ group.version if group.version is not none else 'cast(null as bigint)' }} as table_version
    from {{ spans }}{{ as_of_clause(spans, group.version) }}
    where
        trace_id in {{ trace_id_list(group.trace_ids) }}
        and {{ is_kept('partition_date', 'silver.spans') }}
    union all
    {% endfor -%}
    {% for group in of_logs -%}
    select
        'log' as event_type,
        trace_id,
        span_id,
        cast(null as string) as parent_span_id,
        service,
        endpoint,
        event_name as operation,
        cast(null as string) as kind,
        severity_text as status_code,
        error_type,
        body as message,
        cast(null as double) as latency_ms,
        is_error,
        logged_at as occurred_at,
        {{ group.version if group.version is not none else 'cast(null as bigint)' }} as table_version
    from {{ log_records }}{{ as_of_clause(log_records, group.version) }}
    where
        trace_id in {{ trace_id_list(group.trace_ids) }}
        and {{ is_kept('partition_date', 'silver.log_records') }}
    {{- '\n    union all\n    ' if not loop.last }}
    {% endfor %}
),

{{ told_traces('events', of_spans) }}

select * from told_traces
order by trace_id, occurred_at, event_type desc, span_id
{%- endmacro %}
