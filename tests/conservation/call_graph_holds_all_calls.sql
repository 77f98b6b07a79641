-- R4, R8: the windows of Gold count each call of the Silver builds that Gold has taken. Windows
-- that hold calls of another build are left out until Gold has taken that too.
with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

calls as (

    select
        {{ window_start('coalesce(server_started_at, started_at)') }} as window_start,
        source_service,
        target_service,
        is_error,
        build_id
    from {{ ref('service_calls') }}
    where {{ is_tested_date('partition_date') }}

),

open_windows as (

    select distinct calls.window_start
    from calls
    left anti join taken_builds
        on calls.build_id = taken_builds.build_id

),

counted as (

    select
        window_start,
        source_service,
        target_service,
        count(*) as call_count,
        count_if(is_error) as error_count
    from calls
    group by 1, 2, 3

),

call_graph_minutes as (

    select
        window_start,
        source_service,
        target_service,
        sum(call_count) as call_count,
        sum(error_count) as error_count
    from {{ ref('call_graph_minutes') }}
    where {{ is_tested_date('partition_date') }}
    group by 1, 2, 3

),

compared as (

    select
        coalesce(silver.window_start, gold.window_start) as window_start,
        coalesce(silver.source_service, gold.source_service) as source_service,
        coalesce(silver.target_service, gold.target_service) as target_service,
        silver.call_count,
        gold.call_count as gold_call_count,
        silver.call_count <=> gold.call_count
        and silver.error_count <=> gold.error_count as is_equal
    from counted as silver
    full outer join call_graph_minutes as gold
        on
            silver.window_start = gold.window_start
            and silver.source_service = gold.source_service
            and silver.target_service = gold.target_service

),

wrong as (

    select compared.*
    from compared
    left anti join open_windows
        on compared.window_start = open_windows.window_start
    where
        not compared.is_equal
        and {{ is_kept('to_date(compared.window_start)', 'gold.call_graph_minutes') }}
        and {{ is_kept('to_date(compared.window_start)', 'silver.service_calls') }}
        -- a call that began the day before
        and {{ is_kept('date_sub(to_date(compared.window_start), 1)', 'silver.service_calls') }}

)

select * from wrong
