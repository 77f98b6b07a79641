{#- Start of the hour that a timestamp falls into, UTC. -#}
{% macro hour_start(timestamp) -%}
    timestamp_seconds(unix_seconds({{ timestamp }}) div 3600 * 3600)
{%- endmacro %}
