{#-
    Registers the Bronze tables of ingest in the metastore, empty ones before the first ingest.
    Returns nothing: the statements run here, and only for tables that the metastore lacks.
-#}
{% macro register_bronze_sources() -%}
    {%- if execute -%}
        {%- set root = lake_path() -%}
        {%- do run_query("create schema if not exists bronze location '" ~ root ~ "/bronze'") -%}
        {%- set known = run_query('show tables in bronze').columns[1].values() -%}
        {%- for source in graph.sources.values() if source.name not in known -%}
            {%- do run_query(bronze_table_ddl(source, root)) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#- DDL of one Bronze table from its source definition. -#}
{% macro bronze_table_ddl(source, root) -%}
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
{%- endmacro %}
