{#- Weight of what a threshold keeps: 2^56 / (2^56 - T), a double (R3); null for no threshold. -#}
{% macro sampling_weight(threshold) -%}
    pow(2d, 56) / cast(
        72057594037927936 - cast(conv(rpad({{ threshold }}, 14, '0'), 16, 10) as bigint) as double
    )
{%- endmacro %}
