{#-
    Compacts the days of Gold that Silver has compacted since: what is kept of traces by Z-order on
    the trace id, windows by endpoint. For the hook of the last Gold model.
-#}
{% macro compact_gold_days() -%}
    {%- set builds = existing_table('control', 'day_builds') -%}
    {%- if builds is none -%}
        {{ return('') }}
    {%- endif -%}
    {%- set query -%}
        select partition_date from {{ builds }}
        group by 1
        having
            max(build_id) filter (where operation = 'compaction')
            > coalesce(max(build_id) filter (where operation = 'gold_compaction'), '')
        order by 1
    {%- endset -%}
    {%- set days = run_query(query).columns[0].values() -%}
    {%- set by_endpoint = ['endpoint_minutes', 'endpoint_hours'] -%}
    {%- set tables = {
        'call_graph_minutes': ['source_service', 'target_service'],
        'error_events': ['trace_id'],
        'incident_paths': ['trace_id'],
        'sampled_log_records': ['trace_id'],
        'sampled_spans': ['trace_id'],
    } -%}
    {%- for name in by_endpoint -%}
        {%- set partitioned = var('gold_layout') == 'date_service_endpoint' -%}
        {%- do tables.update({name: ['window_start'] if partitioned else ['service', 'endpoint']}) -%}
    {%- endfor -%}
    {%- set clustered = by_endpoint if var('gold_layout') == 'clustered' else [] -%}
    {%- do compact_days(days, 'gold', tables, clustered, 'gold_compaction') -%}
{%- endmacro %}
