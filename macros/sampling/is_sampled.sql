{#-
    Whether a threshold keeps a randomness: R >= T (R3). Lowercase hex compares as text.
    randomness: 14 hex digits; threshold: 1 to 14 hex digits, trailing zeros left out.
-#}
{% macro is_sampled(randomness, threshold) -%}
    {{ randomness }} >= rpad({{ threshold }}, 14, '0')
{%- endmacro %}
