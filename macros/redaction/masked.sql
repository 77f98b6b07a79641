{#-
    A text with what one rule names masked. SQL has no replacement by a condition, so for a rule with
    a check the text is cut at its numbers and put together again.
-#}
{% macro masked(text, rule) -%}
    {%- if rule.check -%}
    case
                        when {{ text }} rlike {{ rule.sign or rule.pattern }} then array_join(
                            zip_with(
                                split({{ text }}, {{ rule.pattern }}, -1),
                                regexp_extract_all({{ text }}, {{ rule.pattern }}, 0),
                                (gap, number) -> concat(gap, case
                                    when number is null then ''
                                    when luhn_check(regexp_replace(number, r'%20|[^0-9]', ''))
                                        then {{ rule.mask }}
                                    else number
                                end)
                            ),
                            ''
                        )
                        else {{ text }}
                    end
    {%- else -%}
    regexp_replace(
                        {{ text }},
                        {{ rule.pattern }},
                        {{ rule.mask }}
                    )
    {%- endif -%}
{%- endmacro %}
