{#- List of literals: the days whose events Silver has let go; none if there are none. -#}
{% macro expired_event_dates() -%}
    {{ return(expired_dates(['silver.spans', 'silver.log_records'])) }}
{%- endmacro %}
