{#-
    Numbers of the rules of `redaction_policy` that a row may need, in order, 0 for a NUL: those of
    which its text holds a word or the sign. Most rows need none.

    text: all text of the row in lower case; a column, since it stands here once a word. policy: of
    redaction_policy.
-#}
{% macro redaction_steps(text, policy) -%}
    array_compact(array(
            case
                when contains({{ text }}, '\u0000') or contains({{ text }}, r'\u0000') then 0
            end
            {%- for rule in policy %},
            case
                when {{ 'true' if not rule.words and not rule.sign }}
                    {%- if rule.sign %}{{ text }} rlike {{ rule.sign }}{% endif %}
                    {%- for word in rule.words %}
                        {{- ' or ' if rule.sign or not loop.first -}}
                        contains({{ text }}, {{ raw_literal(word) }})
                    {%- endfor %}
                    then {{ rule.number }}
            end
            {%- endfor %}
        ))
{%- endmacro %}
