-- R4: the windows of Gold count each request and each error log of the Silver builds that Gold has
-- taken. Windows that hold events of another build are left out until Gold has taken that too.
with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

events as (

    select
        {{ window_start('started_at') }} as window_start,
        service,
        build_id,
        true as is_request,
        is_error
    from {{ ref('spans') }}
    where is_request and {{ is_tested_date('partition_date') }}
    union all
    -- an error log counts in the window of its span, which may be of another day
    select
        {{ window_start('coalesce(span_started_at, occurred_at)') }} as window_start,
        service,
        build_id,
        false as is_request,
        true as is_error
    from {{ ref('error_events') }}
    where
        event_type = 'log'
        and {{ is_tested_date('to_date(coalesce(span_started_at, occurred_at))') }}

),

untaken_log_records as (

    select log_records.*
    from {{ ref('log_records') }} as log_records
    left anti join taken_builds
        on log_records.build_id = taken_builds.build_id
    where log_records.is_error and {{ is_tested_date('log_records.partition_date') }}

),

-- one row per window that Gold has not taken whole
open_windows as (

    select events.window_start
    from events
    left anti join taken_builds
        on events.build_id = taken_builds.build_id
    union distinct
    select
        explode(transform(
            concat(
                coalesce(logged_at_versions, array(logged_at)),
                array(coalesce(span_started_at, logged_at))
            ),
            moment -> {{ window_start('moment') }}
        )) as window_start
    from untaken_log_records

),

-- one row per window and service
counted as (

    select
        window_start,
        service,
        count_if(is_request) as request_count,
        count_if(is_request and is_error) as error_count,
        count_if(not is_request) as error_log_count
    from events
    group by 1, 2

),

-- one row per window and service
endpoint_minutes as (

    select
        window_start,
        service,
        sum(request_count) as request_count,
        sum(error_count) as error_count,
        sum(error_log_count) as error_log_count
    from {{ ref('endpoint_minutes') }}
    where {{ is_tested_date('partition_date') }}
    group by 1, 2

),

compared as (

    select
        coalesce(silver.window_start, gold.window_start) as window_start,
        coalesce(silver.service, gold.service) as service,
        silver.request_count,
        silver.error_count,
        silver.error_log_count,
        gold.request_count as gold_request_count,
        gold.error_count as gold_error_count,
        gold.error_log_count as gold_error_log_count
    from counted as silver
    full outer join endpoint_minutes as gold
        on
            silver.window_start = gold.window_start
            and silver.service = gold.service

),

wrong as (

    select compared.*
    from compared
    left anti join open_windows
        on compared.window_start = open_windows.window_start
    where
        (
            not compared.request_count <=> compared.gold_request_count
            or not compared.error_count <=> compared.gold_error_count
            or not compared.error_log_count <=> compared.gold_error_log_count
        )
        and {{ is_kept('to_date(compared.window_start)', 'gold.endpoint_minutes') }}
        and {{ is_kept('to_date(compared.window_start)', 'silver.spans') }}

)

select * from wrong
