-- depends_on: {{ ref('changed_days') }}
{{ config(partition_by='partition_date', touched='changed_days') }}

-- one row per day, environment, service and statement
with log_statement_days as (

    select
        environment,
        service,
        coalesce(statement, '') as statement,
        min_by(
            struct(left(body, 1000) as body, trace_id),
            struct(logged_at, logged_at_ns, body, trace_id, record_hash)
        ) as first_record,
        count(*) as log_count,
        count_if(is_error) as error_log_count,
        min(logged_at) as first_seen_at,
        max(logged_at) as last_seen_at,
        partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from {{ ref('log_records') }}
    {% if is_incremental() -%}
    where partition_date in {{ changed_dates() }}
    {%- endif %}
    group by 1, 2, 3, 9

)

select
    environment,
    service,
    statement,
    first_record.body,
    first_record.trace_id,
    log_count,
    error_log_count,
    first_seen_at,
    last_seen_at,
    partition_date,
    bronze_version,
    silver_version,
    build_id
from log_statement_days
