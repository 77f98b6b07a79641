{{ config(materialized='table') }}

-- All changes: what was told of, and versions of a service that showed up after another one.
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
    from ordered_versions
    where place > 1

),

known_changes as (

    select * from told_changes
    union all
    select * from seen_changes

)

select * from known_changes
