{{ config(materialized='view') }}

-- Windows that hold a row of what Silver rebuilt since Gold last took it, or held one before (R6).
-- Spans never change their start; an error log counts where its span started, and before that
-- span had arrived it counted at its own time: so both of its windows are changed.
{%- set is_outstanding = is_outstanding_build('build_id') %}

with span_windows as (

    select {{ window_start('started_at') }} as touched_key
    from {{ ref('spans') }}
    where {{ is_outstanding }}

),

error_log_windows as (

    select explode(array(
        {{ window_start('logged_at') }},
        {{ window_start('coalesce(span_started_at, logged_at)') }}
    )) as touched_key
    from {{ ref('log_records') }}
    where is_error and {{ is_outstanding }}

),

-- one row per changed window
changed_windows as (

    select touched_key from span_windows
    union distinct
    select touched_key from error_log_windows

)

select * from changed_windows
