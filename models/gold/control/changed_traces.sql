{{ config(materialized='table') }}

-- Traces, and events without a trace, that Silver rebuilt since Gold last took it (R6): a trace is
-- rebuilt with all of its rows.
-- depends_on: {{ ref('changed_days') }}
{%- set is_outstanding = is_outstanding_build('build_id') %}
{%- set dates = changed_dates() %}

with changed_traces as (

    select trace_id as touched_key
    from {{ ref('traces') }}
    where partition_date in {{ dates }} and {{ is_outstanding }}
    union all
    select record_hash as touched_key
    from {{ ref('spans') }}
    where trace_id is null and partition_date in {{ dates }} and {{ is_outstanding }}
    union all
    select record_hash as touched_key
    from {{ ref('log_records') }}
    where trace_id is null and partition_date in {{ dates }} and {{ is_outstanding }}

)

-- one row per changed key
select distinct touched_key from changed_traces
