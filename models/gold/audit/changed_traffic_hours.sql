{{ config(materialized='view') }}

-- Hours whose traffic was counted again, and those that look back on them: an hour, a day and a
-- week later. Of an environment that is watched for longer than it was known, the first week too.
with first_days as (

    select
        environment,
        min(partition_date) as first_date,
        min_by(build_id, partition_date) as build_id
    from {{ ref('environment_days') }}
    group by 1

),

moved_hours as (

    select
        explode(sequence(
            cast(first_date as timestamp),
            cast(date_add(first_date, 8) as timestamp),
            interval 1 hour
        )) as touched_key
    from first_days
    where {{ is_unfinished_build('build_id') }}

),

changed_traffic_hours as (

    select
        explode(transform(
            array(0, 1, 24, 168), hours -> touched_key + make_interval(0, 0, 0, 0, hours)
        )) as touched_key
    from {{ ref('changed_hours') }}
    union distinct
    select touched_key from moved_hours

)

select distinct touched_key from changed_traffic_hours
