{{ config(materialized='view') }}

-- Changes that the outstanding batches bring news of (R6), one row per key.
with touched_changes as (

    select distinct change_key as touched_key
    from {{ ref('stg_changes') }}
    where {{ is_outstanding_batch('ingest_batch', from_nothing=false) }}

)

select * from touched_changes
