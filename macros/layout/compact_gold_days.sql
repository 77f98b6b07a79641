{#-
    Compacts the days of Gold that Silver has compacted since, by Z-order on what `meta.compacted_by`
    of a model names. For the hook of the last Gold model.
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
    {%- set by_endpoint, tables = [], {} -%}
    {%- for table in tables_with('compacted_by') if table.layer == 'gold' -%}
        {%- do tables.update({table.name: table.value}) -%}
        {%- if table.value == ['service', 'endpoint'] -%}
            {%- do by_endpoint.append(table.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name in by_endpoint if var('gold_layout') == 'date_service_endpoint' -%}
        {%- do tables.update({name: ['window_start']}) -%}
    {%- endfor -%}
    {%- set clustered = by_endpoint if var('gold_layout') == 'clustered' else [] -%}
    {%- do compact_days(days, 'gold', tables, clustered, 'gold_compaction') -%}
{%- endmacro %}
