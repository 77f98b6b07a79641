{{ config(materialized='view') }}

-- Hours that hold a changed trace, or held one.
with changed_hours as (

    select distinct {{ hour_start('touched_key') }} as touched_key
    from {{ ref('changed_windows') }}

)

select * from changed_hours
