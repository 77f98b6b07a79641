{{ config(incremental_strategy='append', meta={'news': 'never'}) }}

-- What has expired (R12). `tracekeep expire` fills it; a run only makes the table, empty.
with expired_days as (

    select *
    from
        values
        (
            cast(null as string),
            cast(null as string),
            cast(null as date),
            cast(null as bigint),
            cast(null as bigint),
            cast(null as timestamp)
        )
            as no_days (table_name, phase, partition_date, ingest_batch, record_count, expired_at)

)

select * from expired_days
where table_name is not null
