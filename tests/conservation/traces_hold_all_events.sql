-- R1: each span and log record with a trace id is counted in its trace, and nothing else is.
-- Traces that a Silver run was interrupted in are left out until a run has finished them.
with batch_books as (

    select distinct build_id from {{ ref('batch_books') }}

),

traces as (

    select
        trace_id,
        build_id,
        span_count,
        log_count
    from {{ ref('traces') }}
    where {{ is_tested_date('partition_date') }} and {{ is_tested_build('build_id') }}

),

all_events as (

    select
        trace_id,
        build_id,
        true as is_span
    from {{ ref('spans') }}
    where trace_id is not null and {{ is_tested_date('partition_date') }}
    union all
    select
        trace_id,
        build_id,
        false as is_span
    from {{ ref('log_records') }}
    where trace_id is not null and {{ is_tested_date('partition_date') }}

),

-- traces that were built again, by any row that says so
tested_traces as (

    select trace_id from traces
    union distinct
    select trace_id from all_events
    where {{ is_tested_build('build_id') }}

),

events as (

    select all_events.*
    from all_events
    left semi join tested_traces
        on all_events.trace_id = tested_traces.trace_id

),

-- one row per trace that has events
counted as (

    select
        trace_id,
        max(build_id) as build_id,
        count_if(is_span) as span_count,
        count_if(not is_span) as log_count
    from events
    group by 1

),

wrong as (

    select
        coalesce(counted.trace_id, traces.trace_id) as trace_id,
        counted.span_count,
        counted.log_count,
        traces.span_count as trace_span_count,
        traces.log_count as trace_log_count
    from counted
    full outer join traces
        on counted.trace_id = traces.trace_id
    left semi join batch_books
        on coalesce(counted.build_id, traces.build_id) = batch_books.build_id
    -- rows that are left of a trace which began on a day that has expired
    left anti join {{ ref('frozen_traces') }} as frozen_traces
        on counted.trace_id = frozen_traces.trace_id
    where
        not counted.span_count <=> traces.span_count
        or not counted.log_count <=> traces.log_count

)

select * from wrong
