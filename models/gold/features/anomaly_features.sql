-- depends_on: {{ ref('rebuilt_minutes') }}
{{ config(
    partition_by='partition_date',
    touched='rebuilt_minutes',
    touched_dates=true,
    touched_key=['window_start'],
) }}

with endpoint_minutes as (

    select minutes.*
    from {{ ref('endpoint_minutes') }} as minutes
    {% if is_incremental() -%}
    left semi join {{ ref('rebuilt_minutes') }} as rebuilt_minutes
        on minutes.window_start = rebuilt_minutes.touched_key
    where minutes.partition_date in {{ dates_of(ref('rebuilt_minutes')) }}
    {%- endif %}

),

-- one row per window, service and pattern
patterns as (

    select
        window_start,
        environment,
        region,
        service,
        pattern.fingerprint,
        bool_or(pattern.is_new) as is_new,
        sum(pattern.failure_count) as failure_count
    from endpoint_minutes
        lateral view explode(error_patterns) as pattern
    group by 1, 2, 3, 4, 5

),

pattern_shares as (

    select
        *,
        failure_count / sum(failure_count) over (
            partition by window_start, environment, region, service
        ) as failure_share
    from patterns

),

-- one row per window and service with errors
context as (

    select
        window_start,
        environment,
        region,
        service,
        count(*) as pattern_count,
        count_if(is_new) as new_pattern_count,
        max(failure_share) as top_pattern_share,
        -- in bits, at least 0
        abs(sum(failure_share * log2(failure_share))) as pattern_entropy
    from pattern_shares
    group by 1, 2, 3, 4

),

counted as (

    {{ window_features('endpoint_minutes') }}

),

kept as (

    select
        window_start,
        environment,
        region,
        service,
        size(array_distinct(flatten(collect_list(sample_trace_ids)))) as sample_trace_count
    from endpoint_minutes
    group by 1, 2, 3, 4

),

anomaly_features as (

    select
        counted.*,
        coalesce(context.pattern_count, 0L) as pattern_count,
        coalesce(context.new_pattern_count, 0L) as new_pattern_count,
        coalesce(context.top_pattern_share, 0d) as top_pattern_share,
        coalesce(context.pattern_entropy, 0d) as pattern_entropy,
        kept.sample_trace_count,
        to_date(counted.window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ delta_version(ref('spans')) }} as silver_version,
        {{ build_id() }} as build_id
    from counted
    inner join kept
        on
            counted.window_start = kept.window_start
            and counted.environment = kept.environment
            and counted.region = kept.region
            and counted.service = kept.service
    left join context
        on
            counted.window_start = context.window_start
            and counted.environment = context.environment
            and counted.region = context.region
            and counted.service = context.service

)

select * from anomaly_features
