{{ config(materialized='view') }}

-- Bronze changes in the terms of Silver, one row per record: redacted (R13), named by what was
-- changed, nothing deduplicated.
with bronze_changes as (

    select * from {{ source('bronze', 'changes') }}

),

-- all that is text (R13), as maps of one array, so that the policy stands here once
texts as (

    select
        *,
        array(
            map('change_id', change_id, 'change_type', change_type, 'region', region),
            attributes,
            resource_attributes
        ) as text_maps,
        lower(concat_ws(
            '\n',
            change_id,
            change_type,
            region,
            map_keys(attributes),
            map_values(attributes),
            map_keys(resource_attributes),
            map_values(resource_attributes)
        )) as row_text
    from bronze_changes

),

{{ redacted_rows('texts') }},

named as (

    select
        time_unix_nano,
        ingested_at,
        ingest_batch,
        maps[0]['change_id'] as change_id,
        maps[0]['change_type'] as change_type,
        maps[0]['region'] as region,
        maps[1] as attributes,
        maps[2] as resource_attributes
    from redacted

),

stg_changes as (

    select
        -- an id is unique to its source; without one the content is the identity
        left(sha2(case
            when change_id is not null
                then to_json(struct(change_id, attributes['source'] as source))
            else to_json(struct(change_type, time_unix_nano, attributes, resource_attributes))
        end, 256), 32) as change_key,
        change_id,
        change_type,
        coalesce(
            {{ service_name('resource_attributes') }},
            nullif(resource_attributes['k8s.deployment.name'], ''),
            nullif(resource_attributes['k8s.statefulset.name'], ''),
            nullif(resource_attributes['k8s.daemonset.name'], ''),
            nullif(resource_attributes['k8s.rollout.name'], ''),
            regexp_replace(
                resource_attributes['k8s.replicaset.name'], r'-(?=[a-f]*[0-9])[0-9a-f]{6,10}$', ''
            ),
            {{ workload_name('resource_attributes') }}
        ) as service,
        {{ environment_name('resource_attributes') }} as environment,
        region,
        resource_attributes['k8s.namespace.name'] as namespace,
        resource_attributes['service.version'] as service_version,
        attributes,
        resource_attributes,
        time_unix_nano as changed_ns,
        ingested_at,
        ingest_batch
    from named

)

select * from stg_changes
