-- depends_on: {{ ref('changed_hours') }}
{{ config(partition_by='partition_date', touched='changed_hours') }}

{%- set hours = changed_hours() if is_incremental() else none %}

with log_records as (

    select
        *,
        {{ window_start('logged_at') }} as window_start,
        coalesce(nullif(region, 'unknown'), span_region, region) as shown_region
    from {{ ref('log_records') }}
    {% if is_incremental() -%}
    where
        partition_date in {{ dates_of_hours(hours) }}
        and {{ is_in_hours('logged_at', hours) }}
    {%- endif %}

),

-- one row per window, operation and statement: exact numbers from all log records (R4)
log_statement_minutes as (

    select
        window_start,
        environment,
        shown_region as region,
        service,
        coalesce(endpoint, 'unknown_endpoint') as endpoint,
        coalesce(statement, '') as statement,
        count(*) as log_count,
        count_if(is_error) as error_log_count,
        count(distinct case
            when span_started_at is not null then struct(trace_id, span_id)
        end) as span_count,
        partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from log_records
    group by 1, 2, 3, 4, 5, 6, 10

)

select * from log_statement_minutes
{%- if not is_incremental() %}
sort by partition_date, environment, service, statement, window_start
{%- endif %}
