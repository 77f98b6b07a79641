{#-
    Query for columns of a table as an earlier run left it, no rows before it was first built. A ref
    would be a cycle.

    columns: name -> data type.
-#}
{% macro existing_rows(schema, identifier, columns) -%}
    {%- set table = adapter.get_relation(none, schema, identifier) -%}
    select
        {%- for name, data_type in columns.items() %}
        {{ name if table else 'cast(null as ' ~ data_type ~ ') as ' ~ name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    {{ 'from ' ~ table if table else 'where false' }}
{%- endmacro %}
