{#-
    Whether a text may hold what `redaction_policy` masks: a first look at all texts of a row, by
    plain words and runs of digits, that spares nearly all rows the patterns.

    text: in lower case; a column, since it stands here once a word.
-#}
{% macro may_hold_secret(text) -%}
    {%- set hints = var('redaction_policy')['hints'] -%}
    (
        {{ text }} rlike {{ raw_literal(hints['pattern']) }}
        {%- for word in hints['words'] %}
        or contains({{ text }}, '{{ word }}')
        {%- endfor %}
    )
{%- endmacro %}
