-- depends_on: {{ ref('changed_days') }}
{{ config(partition_by='partition_date', touched='changed_days', from_gold=true) }}

with error_events as (

    select * from {{ ref('gold_error_events') }}
    {% if is_incremental() -%}
    where partition_date in {{ changed_dates(in_silver=false) }}
    {%- endif %}

),

-- one row per failure and day: what its span tells, if one does, else its log record, the one with
-- the stack trace before the line that it follows
failures as (

    select
        *,
        count(*) over (partition by partition_date, failure_id) as event_count
    from error_events
    qualify row_number() over (
        partition by partition_date, failure_id
        order by
            event_type = 'log',
            error_stack is null,
            occurred_at,
            occurred_at_ns,
            fingerprint,
            error_message,
            body,
            record_hash
    ) = 1

),

templated as (
    {%- for version in var('error_pattern_rules') %}

    select
        *,
        {{ version }} as pattern_version,
        {{ error_template('error_message', version) }} as error_template,
        {{ top_frame('error_stack', version) }} as top_frame
    from failures
    {{- ' union all' if not loop.last }}
    {%- endfor %}

),

fingerprinted as (

    select
        * except (fingerprint),
        {{ error_fingerprint(
            'pattern_version', 'service', 'error_type', 'error_template', 'top_frame'
        ) }} as fingerprint
    from templated

),

-- one row per day, environment and pattern
error_pattern_days as (

    select
        pattern_version,
        fingerprint,
        environment,
        service,
        error_type,
        error_template,
        top_frame,
        min_by(
            struct(error_message, trace_id),
            struct(counted_at, trace_id, span_id, error_message, failure_id)
        ) as first_failure,
        count(*) as failure_count,
        sum(event_count) as event_count,
        count(distinct trace_id) as trace_count,
        min(counted_at) as first_seen_at,
        max(counted_at) as last_seen_at,
        partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from fingerprinted
    group by
        pattern_version,
        fingerprint,
        environment,
        service,
        error_type,
        error_template,
        top_frame,
        partition_date

)

select
    pattern_version,
    fingerprint,
    environment,
    service,
    error_type,
    error_template,
    top_frame,
    first_failure.error_message,
    first_failure.trace_id,
    failure_count,
    event_count,
    trace_count,
    first_seen_at,
    last_seen_at,
    partition_date,
    bronze_version,
    silver_version,
    build_id
from error_pattern_days
