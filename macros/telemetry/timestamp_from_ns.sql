{#- Timestamp (µs, rounded down) of a time in ns since 1970. -#}
{% macro timestamp_from_ns(nanoseconds) -%}
    timestamp_micros({{ nanoseconds }} div 1000)
{%- endmacro %}
