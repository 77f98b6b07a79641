{#-
    Numbers of the rules of `redaction_policy` that a row may need, in order, 0 for a NUL: those of
    which its text holds a word or the sign. Nearly all rows need none.

    text: all text of the row in lower case; a column, since it stands here once a word.
-#}
{% macro redaction_steps(text) -%}
    {%- set policy = redaction_policy() -%}
    array_compact(array(
            case
                when
                    contains({{ text }}, '\u0000')
                    or contains({{ text }}, r'\u0000')
                    then 0
            end
            {%- for rule in policy.rules + policy.attributes %},
            {%- if rule.words or rule.sign %}
            case
                when
                    {% if rule.sign %}{{ text }} rlike {{ rule.sign }}{% endif -%}
                    {%- for word in rule.words -%}
                    {{ '\n                    or ' if rule.sign or not loop.first -}}
                    contains({{ text }}, {{ raw_literal(word) }})
                    {%- endfor %}
                    then {{ rule.number }}
            end
            {%- else %}
            {{ rule.number }}
            {%- endif -%}
            {%- endfor %}
        ))
{%- endmacro %}
