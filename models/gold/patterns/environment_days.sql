-- depends_on: {{ ref('changed_days') }}
{{ config(partition_by='partition_date', touched='changed_days') }}

with events as (

    select
        environment,
        partition_date,
        started_at as occurred_at,
        is_error,
        true as is_span
    from {{ ref('spans') }}
    union all
    select
        environment,
        partition_date,
        logged_at as occurred_at,
        is_error,
        false as is_span
    from {{ ref('log_records') }}

),

-- one row per day and environment
environment_days as (

    select
        environment,
        count_if(is_span) as span_count,
        count_if(not is_span) as log_count,
        count_if(is_error and is_span) as error_span_count,
        count_if(is_error and not is_span) as error_log_count,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at,
        partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from events
    {% if is_incremental() -%}
    where partition_date in {{ changed_dates() }}
    {%- endif %}
    group by environment, partition_date

)

select * from environment_days
