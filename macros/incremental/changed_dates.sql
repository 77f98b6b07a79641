{#-
    List of literals: the days of the model changed_days, for Delta to skip the files of all others by
    (R7); a null date if there are none.

    in_silver: only those that Silver still holds.
-#}
{% macro changed_dates(in_silver=true) -%}
    {%- set days = existing_table('control', 'changed_days') if execute else none -%}
    {%- if days is none or not has_news('builds') -%}
        {{ return('(null)') }}
    {%- endif -%}
    {{ return(date_literals(
        'select touched_key from ' ~ days ~ (' where is_in_silver' if in_silver) ~ ' order by 1'
    )) }}
{%- endmacro %}
