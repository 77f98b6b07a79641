{#- A latency in ms as ns; exact up to 26 days. -#}
{% macro latency_ns(latency_ms) -%}
    cast(round({{ latency_ms }} * 1e6) as bigint)
{%- endmacro %}
