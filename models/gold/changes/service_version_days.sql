-- depends_on: {{ ref('changed_days') }}
{{ config(partition_by='partition_date', touched='changed_days') }}

with spans as (

    select
        environment,
        service,
        service_version,
        pod,
        started_at,
        is_request,
        partition_date
    from {{ ref('spans') }}
    where
        service_version is not null
        {%- if is_incremental() %}
        and partition_date in {{ changed_dates() }}
        {%- endif %}

),

-- one row per day, environment, service and version
service_version_days as (

    select
        environment,
        service,
        service_version,
        count(distinct pod) as pod_count,
        count_if(is_request) as request_count,
        min(started_at) as first_seen_at,
        max(started_at) as last_seen_at,
        partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from spans
    group by environment, service, service_version, partition_date

)

select * from service_version_days
