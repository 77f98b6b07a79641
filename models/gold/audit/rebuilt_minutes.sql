{{ config(materialized='table') }}

-- Windows whose rows in gold.endpoint_minutes were written in this run, or in one that was cut
-- short, or have gone: what is made of them is made again.
with rebuilt_minutes as (

    select touched_key from {{ ref('changed_windows') }}
    union distinct
    select window_start as touched_key from {{ ref('endpoint_minutes') }}
    where {{ is_unfinished_build('build_id') }}

)

select * from rebuilt_minutes
