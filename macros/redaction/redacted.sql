{#-
    A text for Silver: what the policy names is masked (R13), rule by rule, and NUL is U+FFFD. Masked
    again it stays as it is. Log text is data here: it never becomes a pattern or SQL.

    steps: what `redaction_steps` says of the text or of a longer one that holds it; policy: of
    redaction_policy.
-#}
{% macro redacted(text, steps, policy) -%}
    aggregate(
                {{ steps }},
                {{ text }},
                (text, step) -> case step
                    when 0 then {{ clean_text('text') }}
                    {%- for rule in policy if rule.pattern %}
                    when {{ rule.number }} then {{ masked('text', rule) }}
                    {%- endfor %}
                    else text
                end
            )
{%- endmacro %}
