{#-
    List of literals: the days of the model changed_days, for Delta to skip the files of all others by
    (R7); a null date if there are none.

    in_silver: only those that Silver still holds.
-#}
{% macro changed_dates(in_silver=true) -%}
    {%- set days = adapter.get_relation(none, 'control', 'changed_days') -%}
    {%- set news = outstanding_builds() or var('erased_error_days', []) or new_rule_versions() -%}
    {%- if days is none or not news -%}
        {{ return('(null)') }}
    {%- endif -%}
    {{ return(date_literals(
        'select touched_key from ' ~ days ~ (' where is_in_silver' if in_silver) ~ ' order by 1'
    )) }}
{%- endmacro %}
