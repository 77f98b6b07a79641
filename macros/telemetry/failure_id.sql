{#-
    Id of what an error event tells: a hash of all that tells it from another one; a log line and the
    stack trace behind it have one that ingest gave them. Of columns that silver.error_events has.
-#}
{% macro failure_id() -%}
    coalesce(
        case when event_type = 'log' then attributes['tracekeep.failure'] end,
        left(sha2(to_json(struct(
            event_type,
            trace_id,
            span_id,
            record_hash,
            service,
            kind in ('server', 'consumer') as is_server_side,
            occurred_at,
            occurred_at_ns,
            pod,
            container,
            {{ record_uid('attributes') }} as record_uid,
            error_type,
            error_message,
            error_stack,
            body
        )), 256), 32)
    )
{%- endmacro %}
