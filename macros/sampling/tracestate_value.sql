{#-
    A valid value of the OpenTelemetry entry in a W3C tracestate: `th` (1 to 14 lowercase hex
    digits) or `rv` (exactly 14); null where it is absent or malformed.
-#}
{% macro tracestate_value(trace_state, key) -%}
    {%- set digits = {'th': '{1,14}', 'rv': '{14}'} -%}
    {%- if key not in digits -%}
        {%- do exceptions.raise_compiler_error(
            "tracestate_value: the key is 'th' or 'rv', not '" ~ key ~ "'"
        ) -%}
    {%- endif -%}
    nullif(regexp_extract(
        {{ trace_state }},
        r'(?:^|,)\s*ot=(?:[^,]*;)?{{ key }}:([0-9a-f]{{ digits[key] }})\s*(?:;|,|$)',
        1
    ), '')
{%- endmacro %}
