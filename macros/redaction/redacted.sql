{#-
    A text for Silver: what the policy names is masked (R13), rule by rule, and NUL is U+FFFD. Masked
    again it stays as it is. Log text is data here: it never becomes a pattern or SQL.
-#}
{% macro redacted(text) -%}
    {%- set policy = redaction_policy() -%}
    case
        when {{ text }} rlike
            {{ policy.signs }}
            then aggregate(
                sequence(1, {{ policy.rules | length }}),
                {{ clean_text(text) }},
                (text, step) -> case step
                    {%- for rule in policy.rules %}
                    when {{ loop.index }} then {{ masked('text', rule) }}
                    {%- endfor %}
                end
            )
        else {{ text }}
    end
{%- endmacro %}
