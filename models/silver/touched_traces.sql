{{ config(materialized='view') }}

-- Traces, and events without a trace, that the outstanding batches bring news of (R6), and the
-- traces with links to them.
with touched_traces as (

    select
        touched_key,
        array_sort(array_distinct(flatten(collect_list(event_dates)))) as event_dates,
        array_sort(array_distinct(flatten(collect_list(linked_dates)))) as linked_dates
    from {{ ref('trace_arrivals') }}
    where {{ is_outstanding_batch('ingest_batch', from_nothing=false) }}
    group by 1

)

select * from touched_traces
