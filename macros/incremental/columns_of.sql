{#-
    List of the columns of a table, in its order, after those that the model has and the table lacks
    were added to it (R15).
-#}
{% macro columns_of(relation) -%}
    {%- set held = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set missing = [] -%}
    {%- for column in model.columns.values() if column.name not in held -%}
        {%- do missing.append(column.name ~ ' ' ~ column.data_type) -%}
        {%- do held.append(column.name) -%}
    {%- endfor -%}
    {%- if missing -%}
        {%- do run_query(
            'alter table ' ~ relation ~ ' add columns (' ~ missing | join(', ') ~ ')'
        ) -%}
    {%- endif -%}
    {{ return(held) }}
{%- endmacro %}
