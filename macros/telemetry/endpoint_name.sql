{#-
    Endpoint of a span: route, RPC method, messaging destination or span name, templated so that
    ids never become endpoints, without HTTP method and query.
-#}
{% macro endpoint_name(attributes, name) -%}
    {%- set chosen -%}
        coalesce(
            nullif({{ attributes }}['http.route'], ''),
            nullif(concat_ws('/', {{ attributes }}['rpc.service'], {{ attributes }}['rpc.method']), ''),
            nullif({{ attributes }}['messaging.destination.name'], ''),
            nullif({{ attributes }}['messaging.destination'], ''),
            {{ name }}
        )
    {%- endset -%}
    {{ templated_name(chosen) }}
{%- endmacro %}


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
