{#-
    List of the tables whose model or source has a key in config.meta, from Bronze to Gold, each with
    layer, name and value. Operations read from there what they do with a table.
-#}
{% macro tables_with(key) -%}
    {%- set found = [] -%}
    {%- for node in (graph.sources.values() | list) + (graph.nodes.values() | list)
        if node.resource_type in ('source', 'model') and key in node.config.meta -%}
        {%- do found.append({
            'layer': node.schema,
            'name': node.get('alias') or node.name,
            'value': node.config.meta[key],
        }) -%}
    {%- endfor -%}
    {%- set ordered = [] -%}
    {%- for layer in ('bronze', 'silver', 'gold') -%}
        {%- set tables = found | selectattr('layer', 'equalto', layer) -%}
        {%- do ordered.extend(tables | sort(attribute='name')) -%}
    {%- endfor -%}
    {{ return(ordered) }}
{%- endmacro %}
