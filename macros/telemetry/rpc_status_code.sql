{#- gRPC status of a span as a number, by the new or old convention; null where there is none. -#}
{% macro rpc_status_code(attributes) -%}
    coalesce(
        {{ grpc_code(attributes ~ "['rpc.grpc.status_code']") }},
        {{ grpc_code(attributes ~ "['rpc.response.status_code']") }}
    )
{%- endmacro %}
