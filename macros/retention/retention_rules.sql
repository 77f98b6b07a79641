{#-
    List of what is kept for how long (R12), a dictionary a table: layer, table, days. What the
    variables keep for ever is not in it. `meta.retention` of a model or source names the variable.
-#}
{% macro retention_rules() -%}
    {%- set rules = [] -%}
    {%- for table in tables_with('retention') if table.value and var(table.value) is not none -%}
        {%- do rules.append({
            'layer': table.layer, 'table': table.name, 'days': var(table.value) | int
        }) -%}
    {%- endfor -%}
    {{ return(rules) }}
{%- endmacro %}
