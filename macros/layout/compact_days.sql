{#-
    Statements run here: OPTIMIZE of some tables for each of some days, and a note of it in
    day_builds. A table without partitions is compacted once for all days.

    days: list; schema: layer; tables: name -> columns of the Z-order; clustered: names of the tables
    without partitions; operation: how day_builds calls it.
-#}
{% macro compact_days(days, schema, tables, clustered, operation) -%}
    {%- for name in clustered if days -%}
        {%- do run_query('optimize ' ~ existing_table(schema, name)) -%}
    {%- endfor -%}
    {%- for day in days -%}
        {%- for name, order in tables.items() if name not in clustered -%}
            {%- do run_query(
                "optimize " ~ existing_table(schema, name)
                ~ " where partition_date = date'" ~ day ~ "' zorder by (" ~ order | join(', ') ~ ")"
            ) -%}
        {%- endfor -%}
        {%- do run_query(
            "insert into " ~ existing_table('control', 'day_builds') ~ " (build_id, partition_date, operation) select "
            ~ silver_build_id() ~ ", date'" ~ day ~ "', '" ~ operation ~ "'"
        ) -%}
    {%- endfor -%}
{%- endmacro %}
