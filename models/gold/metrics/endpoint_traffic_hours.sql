{{ config(materialized='view') }}

-- Traffic of an hour beside what came before it: features of a forecast.
{%- set lags = {'hour': 1, 'day': 24, 'week': 168} %}

with endpoint_hours as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint,
        request_count,
        sample_trace_ids,
        partition_date,
        bronze_version,
        silver_version,
        build_id
    from {{ ref('endpoint_hours') }}

),

-- since when an environment is watched: before that no count is known, after it none is 0
environments as (

    select
        environment,
        {{ hour_start('min(first_event_at)') }} as first_hour
    from {{ ref('environment_days') }}
    group by 1

),

lagged as (

    select
        latest.window_start,
        latest.environment,
        latest.region,
        latest.service,
        latest.endpoint,
        latest.sample_trace_ids,
        latest.request_count,
        latest.partition_date,
        latest.bronze_version,
        latest.silver_version,
        latest.build_id,
        {%- for name, hours in lags.items() %}
        case
            when latest.window_start - interval {{ hours }} hours >= environments.first_hour
                then coalesce(last_{{ name }}.request_count, 0L)
        end as request_count_last_{{ name }},
        {%- endfor %}
        hour(latest.window_start) as hour_of_day,
        weekday(latest.window_start) + 1 as day_of_week,
        weekday(latest.window_start) >= 5 as is_weekend
    from endpoint_hours as latest
    inner join environments
        on latest.environment = environments.environment
    {%- for name, hours in lags.items() %}
    left join endpoint_hours as last_{{ name }}
        on
            latest.window_start - interval {{ hours }} hours = last_{{ name }}.window_start
            and latest.environment = last_{{ name }}.environment
            and latest.region = last_{{ name }}.region
            and latest.service = last_{{ name }}.service
            and latest.endpoint = last_{{ name }}.endpoint
    {%- endfor %}

),

-- the seasonal baseline: as in the same hour a week ago, else a day ago
forecast as (

    select
        *,
        coalesce(request_count_last_week, request_count_last_day) as forecast_request_count
    from lagged

),

endpoint_traffic_hours as (

    select
        * except (partition_date, bronze_version, silver_version, build_id),
        request_count - forecast_request_count as forecast_error,
        partition_date,
        bronze_version,
        silver_version,
        build_id
    from forecast

)

select * from endpoint_traffic_hours
