{#-
    A text with the numbers masked that match a rule and pass its check. SQL has no replacement by
    a condition, so the text is cut at the numbers and put together again.
-#}
{% macro checked_numbers_masked(text, rule) -%}
    transform(
        array({{ text }}),
        text -> case
            when text rlike {{ rule.pattern }} then array_join(
                zip_with(
                    split(text, {{ rule.pattern }}, -1),
                    regexp_extract_all(text, {{ rule.pattern }}, 0),
                    (gap, number) -> concat(gap, case
                        when number is null then ''
                        when {{ passes_luhn('number') }} then {{ rule.mask }}
                        else number
                    end)
                ),
                ''
            )
            else text
        end
    )[0]
{%- endmacro %}
