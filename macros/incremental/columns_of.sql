{#-
    List of the columns of a table, in its order, after those that the model has and the table lacks
    were added to it (R15): each with `name` and `value`, which is null for a column that the model
    has no more.
-#}
{% macro columns_of(relation) -%}
    {%- set columns, missing = [], [] -%}
    {%- for held in adapter.get_columns_in_relation(relation) -%}
        {%- do columns.append({
            'name': held.name,
            'value': held.name if held.name in model.columns
                else 'cast(null as ' ~ held.dtype ~ ') as ' ~ held.name,
        }) -%}
    {%- endfor -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- for column in model.columns.values() if column.name not in names -%}
        {%- do missing.append(column.name ~ ' ' ~ column.data_type) -%}
        {%- do columns.append({'name': column.name, 'value': column.name}) -%}
    {%- endfor -%}
    {%- if missing -%}
        {%- do run_query(
            'alter table ' ~ relation ~ ' add columns (' ~ missing | join(', ') ~ ')'
        ) -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}
