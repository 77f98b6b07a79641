{{ config(incremental_strategy='append') }}

-- What has expired (R12). expire_layers fills it; a run only makes the table, empty.
with expired_days as (

    select
        cast(table_name as string) as table_name,
        cast(phase as string) as phase,
        cast(partition_date as date) as partition_date,
        cast(ingest_batch as bigint) as ingest_batch,
        cast(record_count as bigint) as record_count,
        cast(expired_at as timestamp) as expired_at
    from
        values (null, null, null, null, null, null)
            as nothing (
                table_name, phase, partition_date, ingest_batch, record_count, expired_at
            )
    where false

)

select * from expired_days
