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
