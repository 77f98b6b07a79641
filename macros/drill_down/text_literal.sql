{#- SQL literal of any text: it can neither end the literal nor name a variable of Spark. -#}
{% macro text_literal(text) -%}
    '{{ text | string
        | replace('\\', '\\\\') | replace("'", "\\'") | replace('$', '\\u0024')
        | replace('\n', '\\n') | replace('\r', '\\r') }}'
{%- endmacro %}
