{{ config(materialized='view') }}

-- Changes that the outstanding batches bring news of (R6); a key may come more than once.
-- depends_on: {{ ref('pinned_batches') }}
select change_key as touched_key
from {{ ref('stg_changes') }}
where {{ is_outstanding_batch('ingest_batch') }}
