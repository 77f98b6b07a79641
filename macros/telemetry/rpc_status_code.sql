{#- gRPC status of a span as a number; null where there is none. -#}
{% macro rpc_status_code(attributes) -%}
    {%- set code -%}
        coalesce({{ attributes }}['rpc.grpc.status_code'], {{ attributes }}['rpc.response.status_code'])
    {%- endset -%}
    coalesce(
        try_cast({{ code }} as int),
        nullif(array_position(array(
            'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND',
            'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION',
            'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS',
            'UNAUTHENTICATED'
        ), upper({{ code }})), 0) - 1
    )
{%- endmacro %}
