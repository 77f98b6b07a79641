{#-
    Endpoint of a span: route, RPC method (with its service), messaging destination or span name,
    templated so that ids never become endpoints, without HTTP method and query.
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
    {{ templated_name(chosen) }}
{%- endmacro %}
