{#- Text for Silver: NUL becomes U+FFFD, as other bytes that are no text did on reading. -#}
{% macro clean_text(text) -%}
    replace({{ text }}, '\u0000', '\uFFFD')
{%- endmacro %}
