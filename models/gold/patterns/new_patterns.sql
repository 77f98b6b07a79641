{{ config(materialized='view') }}

-- Patterns that were new when they were first seen: later than a warm-up after the first event of
-- their environment (R10). What is left of erased errors is no news (R12).
with environments as (

    select
        environment,
        min(first_event_at) as first_event_at
    from {{ ref('environment_days') }}
    group by 1

),

patterns as (

    select
        fingerprint,
        environment,
        any_value(service) as service,
        min(first_seen_at) as first_seen_at
    from {{ ref('error_pattern_days') }}
    where
        pattern_version = {{ var('error_pattern_version') }}
        and not error_template <=> 'erased <*>'
        and not top_frame <=> 'erased'
    group by 1, 2

),

new_patterns as (

    select
        patterns.fingerprint,
        patterns.environment,
        patterns.service,
        {{ window_start('patterns.first_seen_at') }} as window_start,
        patterns.first_seen_at
    from patterns
    inner join environments
        on patterns.environment = environments.environment
    where
        patterns.first_seen_at
        > environments.first_event_at
        + interval {{ var('new_pattern_warm_up_minutes') }} minutes

)

select * from new_patterns
