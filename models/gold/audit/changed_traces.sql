{{ config(materialized='view') }}

-- Traces, and events without a trace, of which Silver rebuilt any row since Gold last took it (R6).
{%- set is_outstanding = is_outstanding_build('build_id') %}

with changed_spans as (

    select coalesce(trace_id, record_hash) as touched_key
    from {{ ref('spans') }}
    where {{ is_outstanding }}

),

changed_log_records as (

    select coalesce(trace_id, record_hash) as touched_key
    from {{ ref('log_records') }}
    where {{ is_outstanding }}

),

-- one row per changed key
changed_traces as (

    select touched_key from changed_spans
    union distinct
    select touched_key from changed_log_records
    union distinct
    select trace_id as touched_key
    from {{ ref('traces') }}
    where {{ is_outstanding }}

)

select * from changed_traces
