-- R2: each error event of Bronze, with each of its messages, is in Silver. Returns those missing.
with bronze_error_events as (

    select * from {{ ref('stg_error_events') }}

),

error_events as (

    select
        *,
        {{ record_uid('attributes') }} as record_uid,
        coalesce(kind in ('server', 'consumer'), false) as is_server_side,
        {{ nanoseconds('occurred_at', 'occurred_at_ns') }} as occurred_ns
    from {{ ref('error_events') }}

),

missing as (

    select bronze.*
    from bronze_error_events as bronze
    left anti join error_events as silver
        on
            bronze.event_type = silver.event_type
            and bronze.trace_id <=> silver.trace_id
            and bronze.record_hash <=> silver.record_hash
            and (bronze.event_type = 'span' or bronze.record_uid <=> silver.record_uid)
            and (
                bronze.record_uid is not null
                or (
                    bronze.span_id <=> silver.span_id
                    and bronze.occurred_ns = silver.occurred_ns
                    and bronze.is_server_side = silver.is_server_side
                    and bronze.body <=> silver.body
                    and (
                        bronze.event_type = 'log'
                        or (
                            bronze.service = silver.service
                            and bronze.error_type <=> silver.error_type
                            and bronze.error_message <=> silver.error_message
                            and bronze.error_stack <=> silver.error_stack
                        )
                    )
                )
            )

)

select * from missing
