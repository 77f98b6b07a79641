{#- Time in ns since 1970 of a timestamp (µs) and the remainder below it in ns, or null. -#}
{% macro nanoseconds(timestamp, remainder) -%}
    (unix_micros({{ timestamp }}) * 1000 + coalesce({{ remainder }}, 0))
{%- endmacro %}
