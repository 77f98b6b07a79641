{#-
    Sample class of a trace or event: error, slow or normal (R3).
    has_error: boolean expression; latency_ms: ms, may be null.
-#}
{% macro sampling_class(has_error, latency_ms='null') -%}
    case
        when {{ has_error }} then 'error'
        when {{ latency_ms }} > {{ var('slow_trace_ms') }} then 'slow'
        else 'normal'
    end
{%- endmacro %}
