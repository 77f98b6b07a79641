-- depends_on: {{ ref('changed_hours') }}
{{ config(partition_by='partition_date', touched='changed_hours') }}

{%- set hours = changed_hours() if is_incremental() else none %}

with endpoint_minutes as (

    select minutes.*
    from {{ ref('endpoint_minutes') }} as minutes
    {% if is_incremental() -%}
    where
        minutes.partition_date in {{ dates_of_hours(hours) }}
        and {{ is_in_hours('minutes.window_start', hours) }}
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
        array_sort(collect_list(fingerprint)) as fingerprints,
        count(*) as pattern_count,
        max(failure_share) as top_pattern_share,
        -- in bits, at least 0
        abs(sum(failure_share * log2(failure_share))) as pattern_entropy
    from pattern_shares
    group by 1, 2, 3, 4

),

-- one row per window and service
counted as (

    select
        window_start,
        environment,
        region,
        service,
        count_if(request_count > 0) as endpoint_count,
        sum(request_count) as request_count,
        sum(error_count) as error_count,
        sum(error_log_count) as error_log_count,
        sum(slow_count) as slow_count,
        count_if(error_count > 0) as failing_endpoint_count,
        case when sum(request_count) > 0 then sum(error_count) / sum(request_count) end
            as error_rate,
        case when sum(request_count) > 0 then sum(slow_count) / sum(request_count) end
            as slow_rate,
        max(error_rate) as max_error_rate,
        -- percentiles do not add: those of the slowest endpoint
        max(p50_latency_ms) as max_p50_latency_ms,
        max(p95_latency_ms) as max_p95_latency_ms,
        max(p99_latency_ms) as max_p99_latency_ms,
        max(max_latency_ms) as max_latency_ms
    from endpoint_minutes
    group by 1, 2, 3, 4

),

operations as (

    select
        window_start,
        environment,
        region,
        service,
        sum(span_count) as span_count
    from {{ ref('operation_minutes') }}
    {% if is_incremental() -%}
    where partition_date in {{ dates_of_hours(hours) }} and {{ is_in_hours('window_start', hours) }}
    {%- endif %}
    group by 1, 2, 3, 4

),

statements as (

    select
        window_start,
        environment,
        region,
        service,
        count(distinct statement) as statement_count,
        sum(log_count) as log_count
    from {{ ref('log_statement_minutes') }}
    {% if is_incremental() -%}
    where partition_date in {{ dates_of_hours(hours) }} and {{ is_in_hours('window_start', hours) }}
    {%- endif %}
    group by 1, 2, 3, 4

),

-- each edge counts for the service at either end
waits as (

    select
        edges.window_start,
        edges.environment,
        edges.region,
        case when sides.is_caller then edges.source_service else edges.target_service end
            as service,
        max(case when not sides.is_caller then edges.wait_p50_ms end) as max_caller_wait_ms,
        max(case when sides.is_caller then edges.wait_p50_ms end) as max_callee_wait_ms
    from {{ ref('call_graph_minutes') }} as edges
        lateral view explode(array(true, false)) sides as is_caller
    where
        not edges.is_self_call
        {%- if is_incremental() %}
        and edges.partition_date in {{ dates_of_hours(hours) }}
        and {{ is_in_hours('edges.window_start', hours) }}
        {%- endif %}
    group by 1, 2, 3, 4

),

anomaly_features as (

    select
        counted.*,
        coalesce(context.fingerprints, cast(array() as array<string>)) as fingerprints,
        coalesce(context.pattern_count, 0L) as pattern_count,
        coalesce(context.top_pattern_share, 0d) as top_pattern_share,
        coalesce(context.pattern_entropy, 0d) as pattern_entropy,
        coalesce(operations.span_count, 0L) as span_count,
        coalesce(statements.log_count, 0L) as log_count,
        coalesce(statements.statement_count, 0L) as statement_count,
        waits.max_caller_wait_ms,
        waits.max_callee_wait_ms,
        to_date(counted.window_start) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from counted
    left join context
        on
            counted.window_start = context.window_start
            and counted.environment = context.environment
            and counted.region = context.region
            and counted.service = context.service
    left join operations
        on
            counted.window_start = operations.window_start
            and counted.environment = operations.environment
            and counted.region = operations.region
            and counted.service = operations.service
    left join statements
        on
            counted.window_start = statements.window_start
            and counted.environment = statements.environment
            and counted.region = statements.region
            and counted.service = statements.service
    left join waits
        on
            counted.window_start = waits.window_start
            and counted.environment = waits.environment
            and counted.region = waits.region
            and counted.service = waits.service

)

select * from anomaly_features
