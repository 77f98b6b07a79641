{{ config(materialized='view') }}

-- Windows that Gold counts again in this run: those that hold a changed trace, or held one, and
-- those where a pattern has become new, or is new no more, by what arrived late elsewhere (R10).
{%- set held = existing_rows('gold', 'endpoint_minutes', {
    'window_start': 'timestamp',
    'environment': 'string',
    'error_patterns': 'array<struct<fingerprint: string, is_new: boolean>>',
    'new_pattern_count': 'bigint',
}) %}

with first_days as (

    select
        environment,
        min(partition_date) as first_date,
        min_by(build_id, partition_date) as build_id
    from {{ ref('environment_days') }}
    group by 1

),

-- environments that may be watched for longer than it was known
moved_environments as (

    select environment from first_days
    where {{ is_unfinished_build('build_id') }}

),

moved_patterns as (

    select
        patterns.fingerprint,
        patterns.environment,
        patterns.first_seen_at
    from {{ ref('error_patterns') }} as patterns
    left join moved_environments
        on patterns.environment = moved_environments.environment
    where
        {{ is_unfinished_build('patterns.build_id') }}
        or moved_environments.environment is not null

),

held_minutes as (

    {{ held | indent(4) }}

),

-- patterns that a window had been called the first to show
held_news as (

    select
        window_start,
        environment,
        pattern.fingerprint
    from held_minutes
        lateral view explode(error_patterns) as pattern
    where new_pattern_count > 0 and pattern.is_new

),

changed_minutes as (

    select touched_key from {{ ref('changed_windows') }}
    union distinct
    select {{ window_start('first_seen_at') }} as touched_key from moved_patterns
    union distinct
    select held_news.window_start as touched_key
    from held_news
    inner join moved_patterns
        on
            held_news.fingerprint = moved_patterns.fingerprint
            and held_news.environment = moved_patterns.environment

)

select * from changed_minutes
