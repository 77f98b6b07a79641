{#-
    Estimate of the number of distinct traces by a HyperLogLog sketch, off by 1.04 / 2^(precision / 2)
    on average.

    registers: array of structs of register and rank, none twice. To merge sketches, keep the
    greatest rank of each register.
-#}
{% macro distinct_estimate(registers) -%}
    {%- set m = 2 ** var('trace_sketch_precision') -%}
    {%- set raw -%}
        {{ 0.7213 / (1 + 1.079 / m) * m * m }}d / aggregate(
            {{ registers }},
            cast({{ m }} - size({{ registers }}) as double),
            (total, held) -> total + pow(2d, -held.rank)
        )
    {%- endset -%}
    case
            when {{ raw }} > {{ 2.5 * m }} or size({{ registers }}) = {{ m }} then {{ raw }}
            else {{ m }} * ln({{ m }}d / ({{ m }} - size({{ registers }})))
        end
{%- endmacro %}
