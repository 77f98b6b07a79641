{{ config(materialized='view') }}

with log_statements as (

    select
        environment,
        service,
        statement,
        min_by(body, partition_date) as body,
        min_by(trace_id, partition_date) as trace_id,
        sum(log_count) as log_count,
        sum(error_log_count) as error_log_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from {{ ref('log_statement_days') }}
    group by 1, 2, 3

)

select * from log_statements
