{#- Whether the last digit of a number is its check digit by Luhn; what is no digit is skipped. -#}
{% macro passes_luhn(number) -%}
    aggregate(
        transform(
            split(reverse(regexp_replace({{ number }}, r'%20|[^0-9]', '')), ''),
            (digit, place) -> cast(
                if(place % 2 = 0, digit, translate(digit, '123456789', '246813579')) as int
            )
        ),
        0,
        (total, digit) -> total + digit
    ) % 10 = 0
{%- endmacro %}
