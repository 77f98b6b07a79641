{#-
    Endpoint of a span: route, RPC method (with its service), messaging destination or span name,
    without ids: numbers, UUIDs, long hex and random letters with digits (ULID, KSUID, nanoid) become
    {id}, also those behind a prefix (ORD-17, m_4711, u12345, cus_4QFJ2ab7Xk), and so do dates; versions
    (v2.0) and RPC methods stay. Of a URL or a path the HTTP method before it and the query behind it go
    too. A destination goes by its template; one that is anonymous or temporary has no name.
-#}
{% macro endpoint_name(attributes, name) -%}
    {%- set rpc_method = attributes ~ "['rpc.method']" -%}
    {%- set chosen -%}
        coalesce(
            nullif({{ attributes }}['http.route'], ''),
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
    case
        when {{ rpc_method }} <> '' and coalesce({{ attributes }}['http.route'], '') = '' then case
            when {{ rpc_method }} like '%/%' then {{ rpc_method }}
            else concat_ws('/', {{ attributes }}['rpc.service'], {{ rpc_method }})
        end
        else regexp_replace(
            regexp_replace(
                {{ chosen }},
                r'^(?:(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) +)?((?:/|https?:)(?:[^?#]|[?](?=[}/]))*).*$',
                '$1'
            ),
            r'(?i)(?:(?<=_)\d{2,}|(?<=[a-z])\d{5,})(?![a-z0-9}])|(?<=[a-z]\.gen-)[\w-]{16,}|(?<=(?:^|/)[a-z]{2,5}_)(?-i:(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z]))(?=[a-z]*\d)[a-z0-9]{10,}(?![\w}])|(?<=/)(?-i:(?=[\w-]*[A-Z])(?=[\w-]*[a-z]))(?:(?=[a-z_-]*\d+[a-z_-]+\d)|(?-i:(?=[\w-]*(?:\d[a-z]|[a-z][A-Z]{2,5}[a-z][A-Z]|[A-Z][a-z][A-Z][a-z][A-Z]))))[\w-]{20,}(?![\w}-])|(?<![\w{])(?:\d{4}-\d{2}-\d{2}(?:T[\w:.%+]+)?|(?=[\w-]*\d{4})[\w-]{12,})(?![\w}])|(?:(?<![\w{])|(?<=[a-z]_))(?:[0-7][0-9a-hjkmnp-tv-z]{25}|(?=[a-z]*\d+[a-z]+\d)[a-z0-9]{10,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8,})(?![\w}])|(?<![\w{]|\bv\d\.|\bv\d\d\.)\d+(?![\w}])',
            '{id}'
        )
    end
{%- endmacro %}
