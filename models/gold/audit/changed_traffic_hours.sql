{{ config(materialized='table') }}

-- Hours whose traffic was counted again, and those that look back on them: an hour, a day and a
-- week later; and those of an environment that turns out to be watched for longer, or less long.
{%- set lags = {'hour': 1, 'day': 24, 'week': 168} %}
{%- set held = existing_rows('gold', 'endpoint_traffic_hours', {
    'window_start': 'timestamp',
    'environment': 'string',
    'request_count_last_hour': 'bigint',
    'request_count_last_day': 'bigint',
    'request_count_last_week': 'bigint',
}) %}

with environments as (

    select
        environment,
        min_by(build_id, partition_date) as build_id,
        {{ hour_start('min(first_event_at)') }} as first_hour
    from {{ ref('environment_days') }}
    group by 1

),

held_hours as (

    {{ held | indent(4) }}

),

moved_hours as (

    select held_hours.window_start
    from held_hours
    inner join environments
        on held_hours.environment = environments.environment
    where
        {{ is_unfinished_build('environments.build_id') }}
        and (
            {%- for name, hours in lags.items() %}
            {{ 'or ' if not loop.first -}}
            (held_hours.window_start - interval {{ hours }} hours >= environments.first_hour)
            <> (held_hours.request_count_last_{{ name }} is not null)
            {%- endfor %}
        )

),

changed_traffic_hours as (

    select
        explode(transform(
            array(0, 1, 24, 168), hours -> touched_key + make_interval(0, 0, 0, 0, hours)
        )) as touched_key
    from {{ ref('changed_hours') }}
    union distinct
    select window_start as touched_key from moved_hours

)

select distinct touched_key from changed_traffic_hours
