{{ config(materialized='view') }}

-- What the log records of an ingest batch lack, by service and format. Whether one looks like an
-- error is judged by words of its own, not by the columns that a reader may have left empty.
{%- set alarming = [
    'error', 'fail', 'fatal', 'panic', 'exception', 'traceback', 'critical', 'abort', 'denied',
    'refused', 'rejected', 'unable', 'cannot', 'could not', 'timed? ?out', 'unreachable', 'segfault',
    'killed', 'crash', 'corrupt',
] %}

with log_records as (

    select
        ingest_batch,
        source_format,
        coalesce(
            {{ service_name('resource_attributes') }}, {{ workload_name('resource_attributes') }}
        ) as service,
        trace_id,
        resource_attributes['k8s.pod.name'] as pod,
        severity_number is null as is_without_level,
        lower(body) rlike '{{ alarming | join('|') }}' as is_alarming
    from {{ source('bronze', 'log_records') }}
    where trim(body) <> ''

),

log_coverage as (

    select
        ingest_batch,
        source_format,
        coalesce(service, 'unknown_service') as service,
        count(*) as record_count,
        count_if(is_without_level) as without_level_count,
        count_if(is_without_level and is_alarming) as like_error_count,
        count_if(service is null) as without_service_count,
        count_if(pod is null) as without_pod_count,
        count_if(trace_id is null) as without_trace_count
    from log_records
    group by 1, 2, 3

)

select * from log_coverage
