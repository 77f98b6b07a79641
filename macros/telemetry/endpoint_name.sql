{#-
    Endpoint of a span: route, RPC method (with its service), messaging destination or span name,
    without ids: numbers, UUIDs, long hex and random letters with digits (ULID, KSUID, nanoid) become
    {id}, also those behind a prefix (ORD-17, m_4711, u12345, cus_4QFJ2ab7Xk). Of a URL or a path the
    HTTP method before it and the query behind it go too. A destination goes by its template; one that
    is anonymous or temporary has no name.
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
            nullif({{ attributes }}['messaging.destination.template'], ''),
            {%- for kind in ['anonymous', 'temporary'] %}
            case
                when {{ attributes }}['messaging.destination.{{ kind }}'] = 'true' then '({{ kind }})'
            end,
            {%- endfor %}
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
        r'(?i)(?:(?<=_)[0-9]{2,}|(?<=[a-z])[0-9]{5,})(?![a-z0-9}])|(?<=[a-z]\.gen-)[\w-]{16,}|(?<=(?:^|/)[a-z]{2,5}_)(?-i:(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z]))(?=[a-z]*[0-9])[a-z0-9]{10,}(?![\w}])|(?<=/)(?-i:(?=[\w-]*[A-Z])(?=[\w-]*[a-z]))(?=[a-z_-]*[0-9]+[a-z_-]+[0-9])[\w-]{20,}(?![\w}-])|(?<![\w{])(?:[0-7][0-9a-hjkmnp-tv-z]{25}|(?=[a-z]*[0-9]+[a-z]+[0-9])[a-z0-9]{10,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*[0-9])[0-9a-f]{8,}|[0-9]+|(?=[\w-]*[0-9]{4})[\w-]{12,})(?![\w}])',
        '{id}'
    )
{%- endmacro %}
