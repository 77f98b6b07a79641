{#- What a timestamp in µs leaves out of a time in ns: 1 to 999, null for nothing (R14). -#}
{% macro nanosecond_remainder(nanoseconds) -%}
    cast(nullif({{ nanoseconds }} % 1000, 0) as smallint)
{%- endmacro %}
