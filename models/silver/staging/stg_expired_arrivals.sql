{{ config(materialized='view') }}

-- Bronze events of days that Silver had let go when they arrived: counted, in no other table (R6).
with arrivals as (

    select
        spans.ingest_batch,
        'span' as event_type
    from {{ source('bronze', 'spans') }} as spans
    where
        {{ is_expired_on_arrival('spans', timestamp_from_ns(
            'coalesce(spans.start_time_unix_nano, spans.end_time_unix_nano)'
        )) }}
    union all
    select
        log_records.ingest_batch,
        'log' as event_type
    from {{ source('bronze', 'log_records') }} as log_records
    where
        {{ is_expired_on_arrival(
            'log_records', timestamp_from_ns('log_records.time_unix_nano')
        ) }}

)

select * from arrivals
