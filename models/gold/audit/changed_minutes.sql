{{ config(materialized='table') }}

-- Windows that Gold counts again in this run: those that hold a changed trace, or held one, and
-- those where a pattern has become new, or is new no more, by what arrived late elsewhere (R10).
{%- set held = existing_rows('gold', 'endpoint_minutes', {
    'window_start': 'timestamp',
    'environment': 'string',
    'error_patterns': 'array<struct<fingerprint: string, is_new: boolean>>',
    'pattern_count': 'bigint',
    'new_pattern_count': 'bigint',
    'partition_date': 'date',
}) %}

with first_days as (

    select
        environment,
        min_by(build_id, partition_date) as build_id
    from {{ ref('environment_days') }}
    group by 1

),

-- environments that may be watched for longer than it was known
moved_environments as (

    select environment from first_days
    where {{ is_unfinished_build('build_id') }}

),

-- patterns whose first sight may have moved, and whether that is a new pattern now
moved_patterns as (

    select
        patterns.fingerprint,
        patterns.environment,
        {{ window_start('patterns.first_seen_at') }} as window_start,
        to_date(patterns.first_seen_at) as partition_date,
        new_patterns.fingerprint is not null as is_new
    from {{ ref('error_patterns') }} as patterns
    left join {{ ref('new_patterns') }} as new_patterns
        on
            patterns.fingerprint = new_patterns.fingerprint
            and patterns.environment = new_patterns.environment
    left join moved_environments
        on patterns.environment = moved_environments.environment
    where
        {{ is_unfinished_build('patterns.build_id') }}
        or moved_environments.environment is not null

),

held_minutes as (

    {{ held | indent(4) }}

),

-- new now, but the window does not say so, or its list is too short to tell
untold_news as (

    select held_minutes.window_start
    from held_minutes
    inner join moved_patterns
        on
            held_minutes.partition_date = moved_patterns.partition_date
            and held_minutes.window_start = moved_patterns.window_start
            and held_minutes.environment = moved_patterns.environment
    where
        moved_patterns.is_new
        and (
            held_minutes.pattern_count > {{ var('error_patterns_per_window') }}
            or exists(
                held_minutes.error_patterns,
                pattern -> pattern.fingerprint = moved_patterns.fingerprint and not pattern.is_new
            )
        )

),

held_news as (

    select
        window_start,
        environment,
        pattern.fingerprint
    from held_minutes
        lateral view explode(error_patterns) as pattern
    where new_pattern_count > 0 and pattern.is_new

),

-- called new, but first seen elsewhere now
stale_news as (

    select held_news.window_start
    from held_news
    inner join moved_patterns
        on
            held_news.fingerprint = moved_patterns.fingerprint
            and held_news.environment = moved_patterns.environment
    where not (moved_patterns.is_new and held_news.window_start = moved_patterns.window_start)

),

changed_minutes as (

    select touched_key from {{ ref('changed_windows') }}
    union distinct
    select window_start as touched_key from untold_news
    union distinct
    select window_start as touched_key from stale_news

)

select * from changed_minutes
