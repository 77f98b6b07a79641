{#- Text of a number as int, fractions cut off; null for any other text. -#}
{% macro whole_number(text) -%}
    try_cast(try_cast({{ text }} as double) as int)
{%- endmacro %}
