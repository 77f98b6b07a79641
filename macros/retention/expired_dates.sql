{#-
    List of literals: the days that expiry has removed from a table, a recorded fact and never the
    clock (R6); none if there are none.

    table: layer.table.
-#}
{% macro expired_dates(table) -%}
    {%- set expired = existing_table('gold', 'expired_days') -%}
    {%- if expired is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set query -%}
        select distinct partition_date from {{ expired }} where table_name = '{{ table }}' order by 1
    {%- endset -%}
    {%- set literals = date_literals(query) -%}
    {{ return(none if literals == '(null)' else literals) }}
{%- endmacro %}
