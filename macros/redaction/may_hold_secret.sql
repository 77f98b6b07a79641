{#-
    Whether a text may hold what `redaction_policy` masks: a first look at all texts of a row, by
    plain words and runs of digits, that spares nearly all rows the patterns. A policy without
    `hints` has each row looked at closely.

    text: in lower case; a column, since it stands here once a word.
-#}
{% macro may_hold_secret(text) -%}
    {%- set hints = var('redaction_policy').get('hints') -%}
    {%- if hints -%}
    (
        {{ text }} rlike {{ raw_literal(hints['pattern']) }}
        {%- for word in hints['words'] %}
        or contains({{ text }}, '{{ word }}')
        {%- endfor %}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
