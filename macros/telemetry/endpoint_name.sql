{#-
    Endpoint of a span: route, RPC method (with its service), messaging destination or span name,
    without ids: numbers, UUIDs and long hex become {id}, also those behind a prefix (ORD-17, m_4711,
    u12345). Of a URL or a path the HTTP method before it and the query behind it go too.
-#}
{% macro endpoint_name(attributes, name) -%}
    {%- set rpc_method = attributes ~ "['rpc.method']" -%}
    {%- set chosen -%}
        coalesce(
            nullif({{ attributes }}['http.route'], ''),
            case
                when {{ rpc_method }} like '%/%' then {{ rpc_method }}
                when {{ rpc_method }} <> ''
                    then concat_ws('/', {{ attributes }}['rpc.service'], {{ rpc_method }})
            end,
            nullif({{ attributes }}['messaging.destination.name'], ''),
            nullif({{ attributes }}['messaging.destination'], ''),
            {{ name }}
        )
    {%- endset -%}
    regexp_replace(
        regexp_replace(
            {{ chosen }},
            r'^(?:(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) +)?((?:/|https?:)[^?#]*).*$',
            '$1'
        ),
        r'(?i)(?:(?<=_)[0-9]{2,}|(?<=[a-z])[0-9]{5,})(?![a-z0-9}])|(?<![\w{])(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*[0-9])[0-9a-f]{8,}|[0-9]+|(?=[\w-]*[0-9]{4})[\w-]{12,})(?![\w}])',
        '{id}'
    )
{%- endmacro %}
