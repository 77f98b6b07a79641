{#- HTTP status of a span by the new or the old convention; null where there is none. -#}
{% macro http_status_code(attributes) -%}
    try_cast(coalesce(
        {{ attributes }}['http.response.status_code'],
        {{ attributes }}['http.status_code']
    ) as int)
{%- endmacro %}
