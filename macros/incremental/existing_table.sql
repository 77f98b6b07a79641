{#-
    The table of a model that stands downstream of the caller, or none before it was first built.
    A ref would be a cycle; the table is state of an earlier run here.
-#}
{% macro existing_table(schema, identifier) -%}
    {%- if not execute -%}
        {{ return(none) }}
    {%- endif -%}
    {{ return(load_relation(api.Relation.create(schema=schema, identifier=identifier))) }}
{%- endmacro %}
