{#- HTTP status of a span by the new or the old convention; null where there is none. -#}
{% macro http_status_code(attributes) -%}
    coalesce(
        {{ whole_number(attributes ~ "['http.response.status_code']") }},
        {{ whole_number(attributes ~ "['http.status_code']") }}
    )
{%- endmacro %}
