{#-
    Not SQL but a pattern of `redaction_policy` without its layout, and with its parts in place: a
    part may hold parts that stand below it.
-#}
{% macro whole_pattern(pattern, parts) -%}
    {%- set whole = namespace(pattern=pattern.split() | join) -%}
    {%- for name, part in parts.items() -%}
        {%- set whole.pattern = whole.pattern.replace('{' ~ name ~ '}', part.split() | join) -%}
    {%- endfor -%}
    {{ return(whole.pattern) }}
{%- endmacro %}
