{#-
    Query, the third step of the drill-down: the raw lines of traces in Bronze as of the version that
    the incident's rows in Gold name, one row per record, exactly as it came: not masked (R13). A
    trace without a row has one that says why in `status`: erased, expired (Gold knows it) or unknown.

    trace_ids: list of trace ids. as_of: a version of bronze.spans or a time; none for the versions
    that Gold names.
-#}
{% macro raw_lines(trace_ids, as_of=none) -%}
    {%- set spans = source('bronze', 'spans') -%}
    {%- set log_records = source('bronze', 'log_records') -%}
    {%- set of_spans = trace_versions('bronze.spans', spans, trace_ids, as_of) -%}
    {%- set of_logs = trace_versions('bronze.log_records', log_records, trace_ids, as_of) -%}
with lines as (

    {% for group in of_spans -%}
    select
        'span' as event_type,
        trace_id,
        span_id,
        timestamp_micros(start_time_unix_nano div 1000) as occurred_at,
        raw_text,
        source_file,
        source_position,
        ingested_at,
        {{ group.version if group.version is not none else 'cast(null as bigint)' }} as table_version
    from {{ spans }}{{ as_of_clause(spans, group.version) }}
    where
        trace_id in {{ trace_id_list(group.trace_ids) }}
        and {{ is_kept('partition_date', 'bronze.spans') }}
    union all
    {% endfor -%}
    {% for group in of_logs -%}
    select
        'log' as event_type,
        trace_id,
        span_id,
        timestamp_micros(time_unix_nano div 1000) as occurred_at,
        raw_text,
        source_file,
        source_position,
        ingested_at,
        {{ group.version if group.version is not none else 'cast(null as bigint)' }} as table_version
    from {{ log_records }}{{ as_of_clause(log_records, group.version) }}
    where
        trace_id in {{ trace_id_list(group.trace_ids) }}
        and {{ is_kept('partition_date', 'bronze.log_records') }}
    {{- '\n    union all\n    ' if not loop.last }}
    {% endfor %}
),

{{ told_traces('lines', of_spans) }}

select * from told_traces
order by trace_id, occurred_at, event_type desc, source_file, source_position
{%- endmacro %}
