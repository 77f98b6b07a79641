{#- Start of the Gold window that a timestamp falls into, UTC. -#}
{% macro window_start(timestamp) -%}
    {%- set seconds = var('window_minutes') * 60 -%}
    timestamp_seconds(unix_seconds({{ timestamp }}) div {{ seconds }} * {{ seconds }})
{%- endmacro %}
