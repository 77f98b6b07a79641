{{ config(materialized='table') }}

-- All changes: those of silver.changes, and versions of a service that showed up after another
-- one and were not reported; with the error patterns that were new in the time after.
{%- set span = "interval " ~ var('change_effect_minutes') ~ " minutes" %}

with told_changes as (

    select
        change_key,
        'event' as change_source,
        change_type,
        case
            when change_type ilike '%roll%back%' or change_type ilike '%rolledback%' then 'rollback'
            when change_type ilike '%environment%' or change_type ilike '%configmap%' then 'config'
            when
                change_type ilike '%service%'
                or change_type rlike '(?i)deployment|replicaset|statefulset|daemonset|rollout|scal'
                then 'deployment'
            else 'other'
        end as change_kind,
        change_id,
        service,
        environment,
        service_version,
        changed_at
    from {{ ref('changes') }}

),

versions as (

    select
        environment,
        service,
        service_version,
        min(first_seen_at) as first_seen_at
    from {{ ref('service_version_days') }}
    group by 1, 2, 3

),

ordered_versions as (

    select
        *,
        row_number() over (
            partition by environment, service
            order by first_seen_at, service_version
        ) as place
    from versions

),

-- a version that was reported before it was seen, or soon after, counts as that change
unreported_versions as (

    select ordered_versions.*
    from ordered_versions
    left anti join told_changes
        on
            ordered_versions.service = told_changes.service
            and ordered_versions.service_version = told_changes.service_version
            and told_changes.environment in (ordered_versions.environment, 'unknown')
            and told_changes.changed_at < ordered_versions.first_seen_at + {{ span }}

),

-- the first version of a service is no change
seen_changes as (

    select
        left(sha2(to_json(struct(environment, service, service_version)), 256), 32) as change_key,
        'first_sight' as change_source,
        cast(null as string) as change_type,
        'deployment' as change_kind,
        cast(null as string) as change_id,
        service,
        environment,
        service_version,
        first_seen_at as changed_at
    from unreported_versions
    where place > 1

),

all_changes as (

    select * from told_changes
    union all
    select * from seen_changes

),

-- one row per change with new error patterns of its service in the time after
new_patterns as (

    select
        told.change_key,
        array_sort(collect_set(news.fingerprint)) as new_fingerprints
    from all_changes as told
    inner join {{ ref('new_patterns') }} as news
        on
            told.service = news.service
            and told.environment in (news.environment, 'unknown')
            and told.changed_at <= news.first_seen_at
            and told.changed_at + {{ span }} > news.first_seen_at
    group by 1

),

known_changes as (

    select
        told.*,
        coalesce(new_patterns.new_fingerprints, cast(array() as array<string>))
            as new_fingerprints
    from all_changes as told
    left join new_patterns
        on told.change_key = new_patterns.change_key

)

select * from known_changes
