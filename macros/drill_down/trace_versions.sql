{#-
    Not SQL but a list: which traces to read as of which version of a table, each an object with
    `version` (none for the newest), `trace_ids`, and `absence`: what a trace without a row is, erased,
    expired (Gold knows it) or unknown.

    table: silver.spans, silver.log_records, bronze.spans or bronze.log_records. as_of: a version of
    the layer's spans or a time; none for what the rows of Gold name, which lead through their
    build_id to gold.build_versions (R11), or for the newest where Delta refuses that.
-#}
{% macro trace_versions(table, relation, trace_ids, as_of=none) -%}
    {%- set gold_tables = [
        ref('sampled_spans'), ref('sampled_log_records'), ref('gold_error_events')
    ] -%}
    {%- set builds = ref('build_versions') -%}
    {%- set ids = trace_id_list(trace_ids) -%}
    {%- if not execute -%}
        {{ return([{'version': none, 'trace_ids': trace_ids, 'absence': 'unknown'}]) }}
    {%- endif -%}
    {%- set own = table.split('.')[0] ~ '_version' -%}
    {%- set query -%}
        with gold_rows as (

            {% for gold_table in gold_tables -%}
            select
                trace_id,
                {{ own }} as spans_version,
                build_id,
                first_arrival_at
            from {{ gold_table }}
            where trace_id in {{ ids }}
            {{ 'union all' if not loop.last }}
            {% endfor %}
        ),

        newest_rows as (

            select
                trace_id,
                max_by(struct(spans_version, build_id), build_id) as newest,
                min(first_arrival_at) as first_arrival_at
            from gold_rows
            group by 1

        )

        select
            newest_rows.trace_id,
            {% if table.endswith('.spans') -%}
            newest_rows.newest.spans_version
            {%- else -%}
            builds.table_version
            {%- endif %} as version,
            unix_micros(newest_rows.first_arrival_at) as arrived_at
        from newest_rows
        left join {{ builds }} as builds
            on
                newest_rows.newest.build_id = builds.build_id
                and builds.table_name = '{{ table }}'
    {%- endset -%}
    {%- set known = {} -%}
    {%- for row in run_query(query).rows -%}
        {%- do known.update({row[0]: {'version': row[1], 'arrived_at': row[2]}}) -%}
    {%- endfor -%}
    {%- set erased = erased_traces(trace_ids) -%}
    {%- set version, until, oldest = none, none, none -%}
    {%- if as_of is none -%}
        {%- set oldest = oldest_version(relation, table.split('.')[0]) -%}
    {%- else -%}
        {%- set version = companion_version(table, relation, as_of) -%}
        {%- set until = run_query(
            'select unix_micros(max(committed_at)) from ' ~ committed_versions(relation)
            ~ ' where version <= ' ~ version
        ).rows[0][0] -%}
    {%- endif -%}
    {%- set groups = {} -%}
    {%- for trace_id in trace_ids -%}
        {%- set trace = known.get(trace_id, {}) -%}
        {%- set named = trace.get('version') -%}
        {%- set is_readable = oldest is not none and named is not none and named >= oldest -%}
        {%- set at = named if is_readable else version -%}
        {%- set had_come = trace and (until is none or trace['arrived_at'] <= until) -%}
        {%- set absence = 'expired' if had_come else 'unknown' -%}
        {%- set absence = 'erased' if trace_id in erased else absence -%}
        {%- do groups.setdefault((at ~ '', absence), {
            'version': at, 'trace_ids': [], 'absence': absence
        })['trace_ids'].append(trace_id) -%}
    {%- endfor -%}
    {{ return(groups.values() | list) }}
{%- endmacro %}
