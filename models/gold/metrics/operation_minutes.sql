-- depends_on: {{ ref('changed_hours') }}
{{ config(partition_by='partition_date', touched='changed_hours') }}

{%- set hours = changed_hours() if is_incremental() else none %}

-- one row per window and operation of any kind: exact numbers from all spans (R4)
with operation_minutes as (

    select
        {{ window_start('started_at') }} as window_start,
        environment,
        region,
        service,
        coalesce(endpoint, 'unknown_endpoint') as endpoint,
        count(*) as span_count,
        count_if(is_request) as request_count,
        count_if(is_error) as error_span_count,
        partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from {{ ref('spans') }}
    {% if is_incremental() -%}
    where
        partition_date in {{ dates_of_hours(hours) }}
        and {{ is_in_hours('started_at', hours) }}
    {%- endif %}
    group by 1, 2, 3, 4, 5, 9

)

select * from operation_minutes
{%- if not is_incremental() %}
sort by partition_date, environment, service, endpoint, window_start
{%- endif %}
