-- Warns only: what an application logs without a level is its own affair, and words are no proof;
-- the contract lets statistics only warn (docs/contract.md). test_pipeline.py shows what it finds.
{{ config(severity='warn', tags=['statistics']) }}

-- R2: no service's log records look like errors and have no level, or name no service at all.
-- Returns the services with such.
select
    source_format,
    service,
    sum(record_count) as record_count,
    sum(without_level_count) as without_level_count,
    sum(like_error_count) as like_error_count,
    sum(without_service_count) as without_service_count
from {{ ref('log_coverage') }}
where {{ is_tested_batch('ingest_batch') }}
group by 1, 2
having like_error_count > 0 or without_service_count > 0
