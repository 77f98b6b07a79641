{{ config(materialized='view') }}

-- Traces, and events without a trace, that Silver rebuilt since Gold last took it (R6).
{%- set is_outstanding = is_outstanding_build('build_id') %}

with traces as (

    select trace_id as touched_key
    from {{ ref('traces') }}
    where {{ is_outstanding }}

),

spans_without_trace as (

    select record_hash as touched_key
    from {{ ref('spans') }}
    where trace_id is null and {{ is_outstanding }}

),

log_records_without_trace as (

    select record_hash as touched_key
    from {{ ref('log_records') }}
    where trace_id is null and {{ is_outstanding }}

),

-- one row per changed key
changed_traces as (

    select touched_key from traces
    union distinct
    select touched_key from spans_without_trace
    union distinct
    select touched_key from log_records_without_trace

)

select * from changed_traces
