{#-
    Steps of a query, of which the last is called `endpoint_events`: all that a window of an endpoint
    is made of, in its window. Each request, each error log record, and each error of a request once
    more with its pattern; `kept_trace` is what its sample is drawn from.

    window: macro that gives the start of a window; hours: of changed_hours, where not all windows are
    built.
-#}
{% macro endpoint_events(window, hours) -%}
    {%- set dates = dates_of_hours(hours) if hours is not none -%}
requests as (

    select
        {{ window('started_at') }} as window_start,
        environment,
        region,
        service,
        coalesce(endpoint, 'unknown_endpoint') as endpoint,
        trace_id,
        started_at as counted_at,
        latency_ms,
        true as is_request,
        is_error,
        false as is_error_log,
        cast(null as string) as fingerprint,
        cast(null as string) as failure_id,
        cast(null as string) as error_message
    from {{ ref('spans') }}
    where
        is_request
        {%- if dates %}
        and partition_date in {{ dates }}
        and {{ is_in_hours('started_at', hours) }}
        {%- endif %}

),

errors as (

    select
        {{ window('counted_at') }} as window_start,
        environment,
        region,
        service,
        coalesce(endpoint, 'unknown_endpoint') as endpoint,
        trace_id,
        counted_at,
        cast(null as double) as latency_ms,
        false as is_request,
        false as is_error,
        event_type = 'log' as is_error_log,
        fingerprint,
        failure_id,
        error_message
    from {{ ref('gold_error_events') }}
    where
        (is_request or event_type = 'log')
        {%- if dates %}
        and counted_at >= array_min(array{{ dates }})
        and counted_at < date_add(array_max(array{{ dates }}), 1)
        and {{ is_in_hours('counted_at', hours) }}
        {%- endif %}

),

all_endpoint_events as (

    select * from requests
    union all
    select * from errors

),

kept_traces as (

    select
        trace_id,
        struct(randomness, trace_id) as kept_trace
    from {{ ref('traces') }}
    where
        is_kept
        {%- if dates %}
        and ended_at >= array_min(array{{ dates }})
        and started_at < date_add(array_max(array{{ dates }}), 1)
        {%- endif %}

),

endpoint_events as (

    select
        events.*,
        kept_traces.kept_trace
    from all_endpoint_events as events
    left join kept_traces
        on events.trace_id = kept_traces.trace_id

)
{%- endmacro %}
