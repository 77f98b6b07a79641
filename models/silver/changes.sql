-- depends_on: {{ ref('touched_changes') }}
{{ config(
    partition_by='partition_date',
    touched='touched_changes',
    touched_key=['change_key'],
) }}

with incoming as (

    select
        *,
        ingested_at as first_arrival_at,
        ingested_at as last_arrival_at
    from {{ ref('stg_changes') }}
    where {{ is_outstanding_batch('ingest_batch', from_nothing=not is_incremental()) }}

),

{% if is_incremental() -%}
touched_changes as (

    select touched_key from {{ ref('touched_changes') }}

),

held as (

    select
        earlier.*,
        {{ nanoseconds('earlier.changed_at', 'earlier.changed_at_ns') }} as changed_ns
    from {{ this }} as earlier
    left semi join touched_changes
        on earlier.change_key = touched_changes.touched_key

),

{% endif -%}
-- one row per version of a change
versions as (
    {% set version_columns %}
        change_key,
        change_id,
        change_type,
        service,
        environment,
        region,
        namespace,
        service_version,
        attributes,
        resource_attributes,
        changed_ns,
        first_arrival_at,
        last_arrival_at,
        ingest_batch
    {%- endset %}
    select {{ version_columns }}
    from incoming
    {%- if is_incremental() %}
    union all
    select {{ version_columns }}
    from held
    {%- endif %}

),

-- one row per change: the latest version wins, then the content (R5)
resolved as (

    select
        change_key,
        max_by(
            struct(
                change_id, change_type, service, environment, namespace, service_version,
                attributes, resource_attributes, changed_ns
            ),
            struct(
                changed_ns,
                to_json(struct(change_type, service_version, attributes, resource_attributes))
            )
        ) as latest,
        min(region) as region,
        min(first_arrival_at) as first_arrival_at,
        max(last_arrival_at) as last_arrival_at,
        min(ingest_batch) as ingest_batch
    from versions
    group by 1

),

changes as (

    select
        change_key,
        latest.change_id,
        latest.change_type,
        latest.service,
        latest.environment,
        region,
        latest.namespace,
        latest.service_version,
        latest.attributes,
        latest.resource_attributes,
        {{ timestamp_from_ns('latest.changed_ns') }} as changed_at,
        {{ nanosecond_remainder('latest.changed_ns') }} as changed_at_ns,
        first_arrival_at,
        last_arrival_at,
        to_date({{ timestamp_from_ns('latest.changed_ns') }}) as partition_date,
        ingest_batch,
        {{ pinned_version() }} as bronze_version,
        {{ silver_build_id() }} as build_id
    from resolved

)

select * from changes
