{#-
    Registers the Bronze tables of ingest in the metastore, empty ones before the first ingest.
    Returns nothing: the statements run here, and only for tables that the metastore lacks. Raises an
    error before that if the metastore says that a schema of the lake is at another place: the lake
    was copied or moved, and a statement would change the tables at the old place.
-#}
{% macro register_bronze_sources() -%}
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
            tblproperties (
                {%- for key, value in source.meta.tblproperties.items() %}
                '{{ key }}' = '{{ value }}'{{ ',' if not loop.last }}
                {%- endfor %}
            )
            {%- endcall -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
