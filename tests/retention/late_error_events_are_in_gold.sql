-- R2, R6: each error event of a day that Silver had let go is in Gold, once Gold has taken the
-- build that booked its batch. Returns those missing.
with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

late_error_events as (

    select late_events.*
    from {{ ref('stg_late_error_events') }} as late_events
    left semi join taken_builds
        on late_events.build_id = taken_builds.build_id

),

missing as (

    select late_events.*
    from late_error_events as late_events
    left anti join {{ ref('gold_error_events') }} as gold
        on
            late_events.event_type = gold.event_type
            and late_events.failure_id = gold.failure_id
            and late_events.error_message <=> gold.error_message
            and late_events.body <=> gold.body

)

select * from missing
