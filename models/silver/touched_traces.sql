{{ config(materialized='view') }}

-- Traces, and events without a trace, that the outstanding batches bring news of (R6).
{%- set is_outstanding = is_outstanding_batch('ingest_batch', from_nothing=false) %}

with touched_spans as (

    select coalesce(trace_id, record_hash) as touched_key
    from {{ source('bronze', 'spans') }}
    where {{ is_outstanding }}

),

touched_log_records as (

    select coalesce(trace_id, record_hash) as touched_key
    from {{ source('bronze', 'log_records') }}
    where {{ is_outstanding }}

),

-- one row per touched key
touched_traces as (

    select touched_key from touched_spans
    union distinct
    select touched_key from touched_log_records

)

select * from touched_traces
