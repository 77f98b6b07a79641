{#-
    Predicate: the day has not expired from a table; true if none has.

    date: expression; table: layer.table.
-#}
{% macro is_kept(date, table) -%}
    {%- set dates = expired_dates([table]) -%}
    {{ return('true' if dates is none else '(' ~ date ~ ' not in ' ~ dates ~ ')') }}
{%- endmacro %}
