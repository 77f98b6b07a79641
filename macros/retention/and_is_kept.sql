{#-
    End of a condition: the day has not expired from a table; nothing if none has.

    date: expression; table: layer.table.
-#}
{% macro and_is_kept(date, table) -%}
    {%- set dates = expired_dates(table) -%}
    {%- if dates is not none %}
    and {{ date }} not in {{ dates }}
    {%- endif -%}
{%- endmacro %}
