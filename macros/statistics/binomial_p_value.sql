{#-
    Exact probability that a binomial count is at least as far out as k on its side, doubled; the
    terms of the tail are added from k on.

    k: count, of n tries with probability p, which is neither 0 nor 1; all are columns.
-#}
{% macro binomial_p_value(k, n, p) -%}
    least(1d, 2 * exp(
            {{ log_factorial(n) }}
            - {{ log_factorial(k) }}
            - {{ log_factorial('(' ~ n ~ ' - ' ~ k ~ ')') }}
            + {{ k }} * ln({{ p }}) + ({{ n }} - {{ k }}) * ln(1 - {{ p }})
        ) * aggregate(
            sequence(0, 20000),
            struct(1d as term, 0d as total),
            (tail, i) -> struct(
                case
                    when {{ k }} < {{ n }} * {{ p }} then
                        tail.term * greatest({{ k }} - i, 0) / ({{ n }} - {{ k }} + i + 1)
                        * (1 - {{ p }}) / {{ p }}
                    else
                        tail.term * greatest({{ n }} - {{ k }} - i, 0) / ({{ k }} + i + 1)
                        * {{ p }} / (1 - {{ p }})
                end as term,
                tail.total + tail.term as total
            )
        ).total)
{%- endmacro %}
