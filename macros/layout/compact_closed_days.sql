{#-
    Compacts the closed days of Silver that enough builds have written to since they were compacted
    last, by Z-order on the trace id. For the hook of the last Silver model, and as
    `dbt run-operation compact_closed_days`. Notes in day_builds what it did; cut short, it begins
    anew with the next run.

    after_runs: builds that make a day worth it; default the variable `compact_after_runs`.
-#}
{% macro compact_closed_days(after_runs=none) -%}
    {%- set builds = ref('day_builds') -%}
    {%- if not execute or load_relation(builds) is none -%}
        {{ return('') }}
    {%- endif -%}
    {%- set query = days_to_compact(builds, after_runs or var('compact_after_runs')) -%}
    {%- set days = run_query(query).columns[0].values() -%}
    {%- set tables = ['spans', 'log_records', 'traces', 'error_events', 'service_calls'] -%}
    {%- set clustered = ['spans', 'log_records'] if var('silver_layout') == 'clustered' else [] -%}
    {%- for name in clustered if days -%}
        {%- do run_query('optimize ' ~ existing_table('silver', name)) -%}
    {%- endfor -%}
    {%- for day in days -%}
        {%- for name in tables if name not in clustered -%}
            {%- do run_query(
                "optimize " ~ existing_table('silver', name)
                ~ " where partition_date = date'" ~ day ~ "' zorder by (trace_id)"
            ) -%}
        {%- endfor -%}
        {%- do run_query(
            "insert into " ~ builds ~ " (build_id, partition_date, operation) select "
            ~ silver_build_id() ~ ", date'" ~ day ~ "', 'compaction'"
        ) -%}
    {%- endfor -%}
{%- endmacro %}
