{#- Each table lies at <lake>/<layer>/<table>, an external table: dropping it leaves its files. -#}
{% macro spark__location_clause() -%}
    location '{{ lake_path() }}/{{ model.schema }}/{{ model.alias }}'
{%- endmacro %}
