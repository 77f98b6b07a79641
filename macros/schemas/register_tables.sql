{#-
    Registers the tables of the lake in the metastore: those of Bronze, empty ones before the first
    ingest, and what the lake has of the models. It lacks some where it was lost, or where a build
    was killed between a table's first commit and its entry.
    Returns nothing: the statements run here, and only for tables that the metastore lacks. Raises an
    error before that if the metastore says that a schema of the lake is at another place: the lake
    was copied or moved, and a statement would change the tables at the old place.
-#}
{% macro register_tables() -%}
    {%- set root = lake_path() -%}
    {%- set schemas = run_query('show schemas').columns[0].values() if execute else [] -%}
    {%- for schema in ['bronze', 'silver', 'gold', 'control'] if schema in schemas -%}
        {%- set facts = dict(run_query('describe schema ' ~ schema).rows.values()) -%}
        {%- set place = modules.re.sub('^file:/+', '/', facts['Location']) -%}
        {%- if place != root ~ '/' ~ schema -%}
            {{ exceptions.raise_compiler_error(
                "The lake is " ~ root ~ ", but its metastore says that the schema " ~ schema
                ~ " is " ~ place ~ ": the lake was copied or moved, and this command would change"
                ~ " the tables there. It has changed nothing. `python -m tracekeep run` mends the"
                ~ " metastore and builds; `python -m tracekeep expire --dry-run` only mends it."
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {%- if execute -%}
        {%- do run_query("create schema if not exists bronze location '" ~ root ~ "/bronze'") -%}
        {%- set known = run_query('show tables in bronze').columns[1].values() -%}
        {%- for source in graph.sources.values() if source.name not in known -%}
            {%- call statement('bronze_table') %}
            create table if not exists {{ source.schema }}.{{ source.name }} (
                {%- for column in source.columns.values() %}
                {{ column.name }} {{ column.data_type }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
            using delta
            partitioned by ({{ source.meta.partition_by }})
            location '{{ root }}/{{ source.schema }}/{{ source.name }}'
            {%- endcall -%}
        {%- endfor -%}
        {%- set lacking = {} -%}
        {%- for node in graph.nodes.values() if node.config.materialized in ['incremental', 'table']
            and adapter.get_relation(none, node.schema, node.alias) is none -%}
            {%- do lacking.update({node.schema ~ '/' ~ node.alias: node}) -%}
        {%- endfor -%}
        {%- set query -%}
            select distinct regexp_extract(path, '([^/]+/[^/]+)/_delta_log/', 1)
            from binaryFile.`{{ root }}/*/*/_delta_log/*.json`
        {%- endset -%}
        {%- set found = run_query(query).columns[0].values() if lacking else [] -%}
        {%- for place in found if place in lacking -%}
            {%- set table = api.Relation.create(
                schema=lacking[place].schema, identifier=lacking[place].alias, type='table'
            ) -%}
            {%- do create_schema(table) -%}
            {%- do run_query(
                'create table ' ~ table ~ " using delta location '" ~ root ~ '/' ~ place ~ "'"
            ) -%}
            {%- do adapter.cache_added(table) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
