{#-
    Statements run here: removes the files of some days of a table that its newest version does not
    need, whatever their age.

    name: layer.table; days: ISO dates.
-#}
{% macro remove_files(name, days) -%}
    {%- set relation = existing_table(*name.split('.')) -%}
    {%- set location = run_query('describe detail ' ~ relation).rows[0]['location'] -%}
    {%- set check = 'set spark.databricks.delta.retentionDurationCheck.enabled = ' -%}
    {%- do run_query(check ~ 'false') -%}
    {%- do run_query(
        'vacuum ' ~ relation ~ ' using inventory (select path, length, '
        ~ "cast('false' as boolean) as isDir, unix_millis(modificationTime) as modificationTime "
        ~ 'from binaryFile.`' ~ location ~ '` '
        ~ "where regexp_extract(path, 'partition_date=([0-9-]+)', 1) in ('" ~ days | join("', '")
        ~ "')) retain 0 hours"
    ) -%}
    {%- do run_query(check ~ 'true') -%}
{%- endmacro %}
