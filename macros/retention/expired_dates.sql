{#-
    List of literals: the days that expiry has removed from any of some tables, a recorded fact and
    never the clock (R6); none if there are none.

    tables: names, each layer.table.
-#}
{% macro expired_dates(tables) -%}
    {%- set expired = adapter.get_relation(none, 'control', 'expired_days') -%}
    {%- if expired is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set query -%}
        select distinct partition_date
        from {{ expired }}
        where table_name in ('{{ tables | join("', '") }}')
        order by 1
    {%- endset -%}
    {%- set literals = date_literals(query) -%}
    {{ return(none if literals == '(null)' else literals) }}
{%- endmacro %}
