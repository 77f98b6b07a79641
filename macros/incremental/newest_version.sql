{#-
    The Delta version that a table has now, as a number; none for no table and while parsing.

    table: layer.table.
-#}
{% macro newest_version(table) -%}
    {%- set relation = existing_table(*table.split('.')) if execute else none -%}
    {%- if relation is none -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(run_query('describe history ' ~ relation ~ ' limit 1').rows[0][0]) }}
{%- endmacro %}
