{#-
    Randomness R of a trace: 14 hex digits (R3). A valid `rv` of the tracestate, else the tail of
    the trace id; its hash in environments whose ids are not random.
-#}
{% macro trace_randomness(rv, trace_id, environment) -%}
    case {{ randomness_source(rv, environment) }}
        when 'rv' then {{ rv }}
        when 'hash' then right(sha2({{ trace_id }}, 256), 14)
        else right({{ trace_id }}, 14)
    end
{%- endmacro %}
