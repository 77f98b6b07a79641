{#- DDL of one Bronze table from its source definition. -#}
{% macro bronze_table_ddl(source, root) -%}
    create table if not exists {{ source.schema }}.{{ source.name }} (
        {%- for column in source.columns.values() %}
        {{ column.name }} {{ column.data_type }}{{ ',' if not loop.last }}
        {%- endfor %}
    )
    using delta
    partitioned by ({{ source.meta.partition_by }})
    location '{{ root }}/{{ source.schema }}/{{ source.name }}'
    tblproperties (
        {%- for key, value in source.meta.tblproperties.items() %}
        '{{ key }}' = '{{ value }}'{{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
