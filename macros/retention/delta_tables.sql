{#- List of the Delta tables of a layer that the metastore knows, as relations. -#}
{% macro delta_tables(layer) -%}
    {%- set schema = api.Relation.create(schema=layer) -%}
    {%- set tables = [] -%}
    {%- for relation in adapter.list_relations(database=none, schema=layer) -%}
        {%- if relation.is_delta -%}
            {%- do tables.append(relation) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}
