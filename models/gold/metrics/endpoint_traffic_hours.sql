-- depends_on: {{ ref('changed_traffic_hours') }}
{{ config(
    partition_by='partition_date',
    touched='changed_traffic_hours',
    touched_dates=true,
    touched_key=['window_start'],
) }}

{%- set lags = {'hour': 1, 'day': 24, 'week': 168} %}
{%- set dates = dates_of(ref('changed_traffic_hours')) if is_incremental() %}

with endpoint_hours as (

    select
        window_start,
        environment,
        region,
        service,
        endpoint,
        request_count,
        sample_trace_ids
    from {{ ref('endpoint_hours') }}
    {% if is_incremental() -%}
    where
        partition_date >= date_sub(array_min(array{{ dates }}), 7)
        and partition_date <= array_max(array{{ dates }})
    {%- endif %}

),

-- since when an environment is watched: before that no count is known, after it none is 0
environments as (

    select
        environment,
        {{ hour_start('min(first_event_at)') }} as first_hour
    from {{ ref('environment_days') }}
    group by 1

),

changed_hours as (

    select endpoint_hours.*
    from endpoint_hours
    {% if is_incremental() -%}
    left semi join {{ ref('changed_traffic_hours') }} as changed_hours
        on endpoint_hours.window_start = changed_hours.touched_key
    {%- endif %}

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
        {%- for name, hours in lags.items() %}
        case
            when latest.window_start - interval {{ hours }} hours >= environments.first_hour
                then coalesce(last_{{ name }}.request_count, 0L)
        end as request_count_last_{{ name }},
        {%- endfor %}
        hour(latest.window_start) as hour_of_day,
        weekday(latest.window_start) + 1 as day_of_week,
        weekday(latest.window_start) >= 5 as is_weekend
    from changed_hours as latest
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
        *,
        request_count - forecast_request_count as forecast_error,
        to_date(window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ delta_version(ref('spans')) }} as silver_version,
        {{ build_id() }} as build_id
    from forecast

)

select * from endpoint_traffic_hours
