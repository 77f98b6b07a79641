{#-
    Compacts the closed days of Silver that enough builds have written to since they were compacted
    last, by Z-order on the trace id. For the hook of the last Silver model, and as
    `dbt run-operation compact_closed_days`. Notes in day_builds what it did; cut short, it begins
    anew with the next run.

    after_runs: builds that make a day worth it; default the variable `compact_after_runs`.
-#}
{% macro compact_closed_days(after_runs=none) -%}
    {%- set builds = existing_table('control', 'day_builds') -%}
    {%- if builds is none -%}
        {{ return('') }}
    {%- endif -%}
    {%- set query = days_to_compact(builds, after_runs or var('compact_after_runs')) -%}
    {%- set days = run_query(query).columns[0].values() -%}
    {%- set names = ['spans', 'log_records', 'traces', 'error_events', 'service_calls'] -%}
    {%- set tables = {} -%}
    {%- for name in names -%}
        {%- do tables.update({name: ['trace_id']}) -%}
    {%- endfor -%}
    {%- set clustered = names[:2] if var('silver_layout') == 'clustered' else [] -%}
    {%- do compact_days(days, 'silver', tables, clustered, 'compaction') -%}
{%- endmacro %}
