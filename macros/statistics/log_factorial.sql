{#- Natural logarithm of n!, by Stirling's series from 20 on: exact to 1e-12. -#}
{% macro log_factorial(n) -%}
    case
                when {{ n }} < 20
                    then aggregate(sequence(0, cast({{ n }} as int)), 0d, (t, i) -> t + ln(greatest(i, 1)))
                else {{ n }} * ln({{ n }}) - {{ n }} + ln(2 * pi() * {{ n }}) / 2
                    + 1 / (12d * {{ n }}) - 1 / (360 * pow({{ n }}, 3))
                    + 1 / (1260 * pow({{ n }}, 5))
            end
{%- endmacro %}
