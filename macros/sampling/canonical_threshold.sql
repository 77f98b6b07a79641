{#- A sampling threshold without its trailing zeros; `0` for the one that keeps all. -#}
{% macro canonical_threshold(threshold) -%}
    regexp_replace({{ threshold }}, r'(?<=.)0+$', '')
{%- endmacro %}
