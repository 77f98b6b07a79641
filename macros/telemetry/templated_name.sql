{#- A name with the HTTP method, query and ids (numbers, UUIDs, long hex) taken out. -#}
{% macro templated_name(name) -%}
    regexp_replace(
        regexp_replace(
            {{ name }},
            r'^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) +(?=/|https?:)|[?#].*$',
            ''
        ),
        r'(?i)(?<![\w{])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*[0-9])[0-9a-f]{8,}|[0-9]+|(?=[\w-]*[0-9]{4})[\w-]{12,})(?![\w}])',
        '{id}'
    )
{%- endmacro %}
