-- R4: the minutes of an hour add up to it, for as long as minutes are kept. Returns the hours and
-- endpoints where they do not.
with minutes as (

    select
        {{ hour_start('window_start') }} as window_start,
        environment,
        region,
        service,
        endpoint,
        sum(request_count) as request_count,
        sum(error_count) as error_count,
        sum(error_log_count) as error_log_count,
        sum(slow_count) as slow_count,
        max(max_latency_ms) as max_latency_ms
    from {{ ref('endpoint_minutes') }}
    where {{ is_tested_date('partition_date') }}
    group by 1, 2, 3, 4, 5

),

minute_days as (

    select distinct to_date(window_start) as partition_date from minutes
    where {{ is_kept('to_date(window_start)', 'gold.endpoint_minutes') }}

),

compared_hours as (

    select endpoint_hours.*
    from {{ ref('endpoint_hours') }} as endpoint_hours
    left semi join minute_days
        on endpoint_hours.partition_date = minute_days.partition_date
    where {{ is_tested_date('endpoint_hours.partition_date') }}

),

compared as (

    select
        coalesce(minutes.window_start, endpoint_hours.window_start) as window_start,
        coalesce(minutes.service, endpoint_hours.service) as service,
        coalesce(minutes.endpoint, endpoint_hours.endpoint) as endpoint,
        minutes.request_count,
        endpoint_hours.request_count as hour_request_count,
        minutes.request_count <=> endpoint_hours.request_count
        and minutes.error_count <=> endpoint_hours.error_count
        and minutes.error_log_count <=> endpoint_hours.error_log_count
        and minutes.slow_count <=> endpoint_hours.slow_count
        and minutes.max_latency_ms <=> endpoint_hours.max_latency_ms
        and endpoint_hours.request_count <=> aggregate(
            endpoint_hours.latency_buckets, 0L, (total, held) -> total + held.request_count
        ) as is_equal
    from minutes
    full outer join compared_hours as endpoint_hours
        on
            minutes.window_start = endpoint_hours.window_start
            and minutes.environment = endpoint_hours.environment
            and minutes.region = endpoint_hours.region
            and minutes.service = endpoint_hours.service
            and minutes.endpoint = endpoint_hours.endpoint

)

select * from compared
where
    not is_equal
    and {{ is_kept('to_date(window_start)', 'gold.endpoint_minutes') }}
