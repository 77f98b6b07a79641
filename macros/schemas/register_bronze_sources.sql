{#-
    Registers the Bronze tables of ingest in the metastore, empty ones before the first ingest.
    Returns nothing: the statements run here, and only for tables that the metastore lacks. Stops
    before that if the metastore is that of a lake at another place.
-#}
{% macro register_bronze_sources() -%}
    {%- if execute -%}
        {%- set root = lake_path() -%}
        {%- do check_lake_is_here(root) -%}
        {%- do run_query("create schema if not exists bronze location '" ~ root ~ "/bronze'") -%}
        {%- set known = run_query('show tables in bronze').columns[1].values() -%}
        {%- for source in graph.sources.values() if source.name not in known -%}
            {%- do run_query(bronze_table_ddl(source, root)) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
