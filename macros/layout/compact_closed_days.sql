{#-
    Compacts the closed days of Silver that enough builds have written to since they were compacted
    last, by Z-order on what `meta.compacted_by` of a model names. For the hook of the last Silver
    model, and as `dbt run-operation compact_closed_days`. Notes in day_builds what it did; cut short,
    it begins anew with the next run.

    after_runs: builds that make a day worth it; default the variable `compact_after_runs`.
-#}
{% macro compact_closed_days(after_runs=none) -%}
    {%- set builds = existing_table('control', 'day_builds') -%}
    {%- if builds is none -%}
        {{ return('') }}
    {%- endif -%}
    {%- set query = days_to_compact(builds, after_runs or var('compact_after_runs')) -%}
    {%- set days = run_query(query).columns[0].values() -%}
    {%- set tables = {} -%}
    {%- for table in tables_with('compacted_by') if table.layer == 'silver' -%}
        {%- do tables.update({table.name: table.value}) -%}
    {%- endfor -%}
    {%- set clustered = ['spans', 'log_records'] if var('silver_layout') == 'clustered' else [] -%}
    {%- do compact_days(days, 'silver', tables, clustered, 'compaction') -%}
{%- endmacro %}
