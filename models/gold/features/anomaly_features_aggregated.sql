-- depends_on: {{ ref('rebuilt_minutes') }}
{{ config(
    partition_by='partition_date',
    touched='rebuilt_minutes',
    touched_dates=true,
    touched_key=['window_start'],
) }}

with endpoint_minutes_aggregated as (

    select minutes.*
    from {{ ref('endpoint_minutes_aggregated') }} as minutes
    {% if is_incremental() -%}
    left semi join {{ ref('rebuilt_minutes') }} as rebuilt_minutes
        on minutes.window_start = rebuilt_minutes.touched_key
    where minutes.partition_date in {{ dates_of(ref('rebuilt_minutes')) }}
    {%- endif %}

),

counted as (

    {{ window_features('endpoint_minutes_aggregated') }}

),

anomaly_features_aggregated as (

    select
        *,
        to_date(window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ delta_version(ref('spans')) }} as silver_version,
        {{ build_id() }} as build_id
    from counted

)

select * from anomaly_features_aggregated
