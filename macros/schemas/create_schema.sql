{#- A layer's schema lies beside its tables, not in a folder <layer>.db. -#}
{% macro spark__create_schema(relation) -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation.schema }}
        location '{{ lake_path() }}/{{ relation.schema }}'
    {%- endcall -%}
{%- endmacro %}
