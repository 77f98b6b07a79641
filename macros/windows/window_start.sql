{#- Start of the Gold window that a timestamp falls into, UTC. -#}
{% macro window_start(timestamp) -%}
    {%- set minutes = var('window_minutes') | int -%}
    {%- if minutes < 1 or 60 % minutes -%}
        {%- do exceptions.raise_compiler_error(
            "window_minutes is " ~ minutes ~ ": an hour must hold whole windows, so one of 1, 2, 3, "
            ~ "4, 5, 6, 10, 12, 15, 20, 30, 60."
        ) -%}
    {%- endif -%}
    {%- set seconds = minutes * 60 -%}
    timestamp_seconds(unix_seconds({{ timestamp }}) div {{ seconds }} * {{ seconds }})
{%- endmacro %}
