{{ config(materialized='view') }}

-- Days where Silver wrote, or deleted, anything since Gold last took it: what Gold sums up by day
-- it sums up again for these (R6).
-- depends_on: {{ ref('day_builds') }}, {{ ref('batch_books') }}
with changed_days as (

    select explode(cast(array{{ changed_dates() }} as array<date>)) as touched_key

)

select touched_key from changed_days
where touched_key is not null
