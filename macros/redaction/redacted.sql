{#-
    A text for Silver: what the policy names is masked (R13), and NUL is U+FFFD. Masked again it
    stays as it is. Log text is data here: it never becomes a pattern or SQL.
-#}
{% macro redacted(text) -%}
    {%- set policy = redaction_policy() -%}
    {%- set masked = namespace(text=clean_text(text)) -%}
    {%- for rule in policy.rules -%}
        {%- if rule.check -%}
            {%- set masked.text = checked_numbers_masked(masked.text, rule) -%}
        {%- else -%}
            {%- set masked.text = 'regexp_replace(' ~ masked.text ~ ',\n' ~ ' ' * 20
                ~ rule.pattern ~ ', ' ~ rule.mask ~ ')' -%}
        {%- endif -%}
    {%- endfor -%}
    case
        when {{ text }} rlike
            {{ policy.signs }}
            then {{ masked.text }}
        else {{ text }}
    end
{%- endmacro %}
