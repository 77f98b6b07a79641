{#-
    Not SQL but a list: which traces to read as of which version of a table, each an object with
    `version` (none for the newest) and `trace_ids`; and whether Gold knows them, `is_known`.

    table: silver.spans, silver.log_records, bronze.spans or bronze.log_records. as_of: a version of
    the layer's spans or a time; none for what the rows of Gold name, which lead through their
    build_id to gold.build_versions (R11).
-#}
{% macro trace_versions(table, relation, trace_ids, as_of=none) -%}
    {%- set spans = ref('sampled_spans') -%}
    {%- set builds = ref('build_versions') -%}
    {%- set ids = trace_id_list(trace_ids) -%}
    {%- if not execute -%}
        {{ return([{'version': none, 'trace_ids': trace_ids, 'is_known': true}]) }}
    {%- endif -%}
    {%- set own = table.split('.')[0] ~ '_version' -%}
    {%- set query -%}
        with newest_rows as (

            select
                trace_id,
                max_by(struct({{ own }} as spans_version, build_id), build_id) as newest
            from {{ spans }}
            where trace_id in {{ ids }}
            group by 1

        )

        select
            newest_rows.trace_id,
            {% if table.endswith('.spans') -%}
            newest_rows.newest.spans_version
            {%- else -%}
            builds.table_version
            {%- endif %} as version
        from newest_rows
        left join {{ builds }} as builds
            on
                newest_rows.newest.build_id = builds.build_id
                and builds.table_name = '{{ table }}'
    {%- endset -%}
    {%- set known = {} -%}
    {%- for row in run_query(query).rows -%}
        {%- do known.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- set version = companion_version(table, relation, as_of) if as_of is not none else none -%}
    {%- set groups = {} -%}
    {%- for trace_id in trace_ids -%}
        {%- set at = version if as_of is not none else known.get(trace_id) -%}
        {%- set key = (at ~ '', trace_id in known) -%}
        {%- do groups.setdefault(key, {
            'version': at, 'trace_ids': [], 'is_known': trace_id in known
        })['trace_ids'].append(trace_id) -%}
    {%- endfor -%}
    {{ return(groups.values() | list) }}
{%- endmacro %}
