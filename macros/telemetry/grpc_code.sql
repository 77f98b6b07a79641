{#- Number of a gRPC status that is written as number or name; null for any other text. -#}
{% macro grpc_code(text) -%}
    coalesce(
        {{ whole_number(text) }},
        cast(nullif(array_position(array(
            'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND',
            'ALREADY_EXISTS', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION',
            'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS',
            'UNAUTHENTICATED'
        ), upper({{ text }})), 0) - 1 as int)
    )
{%- endmacro %}
