-- R2, R6: each error event of a day that Silver had let go is in Gold, once Gold has taken the
-- build that booked its batch. By what they tell and not by failure_id: that of an erased event is
-- another one in each layer. Nor by service: an event that Silver held before its day went has that
-- of its span. Returns those of which Gold has fewer.
{%- set key = [
    'event_type', 'trace_id', 'span_id', 'record_hash', 'occurred_at', 'occurred_at_ns',
    'error_type', 'error_message', 'body',
] %}

with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

late_error_events as (

    select late_events.*
    from {{ ref('stg_late_error_events') }} as late_events
    left semi join taken_builds
        on late_events.build_id = taken_builds.build_id
    where {{ is_tested_batch('late_events.ingest_batch') }}

),

late_days as (

    select distinct partition_date from late_error_events

),

held_error_events as (

    select error_events.*
    from {{ ref('gold_error_events') }} as error_events
    left semi join late_days
        on error_events.partition_date = late_days.partition_date

),

events as (

    select
        {{ key | join(', ') }},
        true as is_expected
    from late_error_events
    union all
    select
        {{ key | join(', ') }},
        false as is_expected
    from held_error_events

),

missing as (

    select
        {{ key | join(', ') }},
        count_if(is_expected) as expected_count,
        count_if(not is_expected) as held_count
    from events
    group by all
    having expected_count > held_count

)

select * from missing
