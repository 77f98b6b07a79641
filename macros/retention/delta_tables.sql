{#- List of the Delta tables of a layer that the metastore knows, as relations. -#}
{% macro delta_tables(layer) -%}
    {%- set tables = [] -%}
    {%- for row in run_query('show tables in ' ~ layer).rows -%}
        {%- set relation = existing_table(layer, row['tableName']) -%}
        {%- if relation and relation.is_delta -%}
            {%- do tables.append(relation) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}
