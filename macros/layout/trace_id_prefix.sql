{#-
    Two digits of a trace id, of the random ones: its first, or its last where ids begin alike, as
    64-bit ids and those of X-Ray do. Null without a trace.
-#}
{% macro trace_id_prefix(trace_id) -%}
    {%- if var('trace_id_prefix_from') == 'end' -%}
        right({{ trace_id }}, 2)
    {%- else -%}
        case when {{ trace_id }} like '0000000000000000%' then right({{ trace_id }}, 2)
            else left({{ trace_id }}, 2)
        end
    {%- endif -%}
{%- endmacro %}
