{{ config(incremental_strategy='append') }}

-- What has expired (R12). expire_layers fills it; a run only makes the table, empty.
with expired_days as (

    select
        cast(null as string) as table_name,
        cast(null as string) as operation,
        cast(null as date) as partition_date,
        cast(null as bigint) as ingest_batch,
        cast(null as bigint) as row_count,
        cast(null as timestamp) as expired_at

)

select * from expired_days
where table_name is not null
