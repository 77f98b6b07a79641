{#-
    The Delta version that a table has now, as a number or null; null for no table and while parsing.

    table: layer.table.
-#}
{% macro newest_version(table) -%}
    {%- set relation = adapter.get_relation(none, *table.split('.')) -%}
    {%- if relation is none -%}
        {{ return('null') }}
    {%- endif -%}
    {{ return(run_query('describe history ' ~ relation ~ ' limit 1').rows[0][0]) }}
{%- endmacro %}
