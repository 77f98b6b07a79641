-- R2: each error event of the Silver builds that Gold has taken is in Gold, in full. Returns those
-- missing.
with taken_builds as (

    select explode(silver_build_ids) as build_id
    from {{ ref('build_versions') }}

),

error_events as (

    select error_events.*
    from {{ ref('error_events') }} as error_events
    left semi join taken_builds
        on error_events.build_id = taken_builds.build_id
    where
        {{ is_tested_build('error_events.build_id') }}
        and {{ is_tested_date('error_events.partition_date') }}

),

missing as (

    select silver.*
    from error_events as silver
    left anti join {{ ref('gold_error_events') }} as gold
        on
            {%- for column in [
                'trace_id', 'span_id', 'parent_span_id', 'record_hash', 'service', 'endpoint',
                'operation', 'kind', 'status_code', 'status_message', 'error_type',
                'error_message', 'error_stack', 'body', 'severity_text', 'severity_source',
                'environment', 'region', 'namespace', 'pod', 'container', 'http_status_code',
                'rpc_status_code', 'severity_number', 'latency_ms', 'occurred_at', 'occurred_at_ns',
            ] %}
            silver.{{ column }} <=> gold.{{ column }} and
            {%- endfor %}
            silver.event_type = gold.event_type
            and {{ is_tested_date('gold.partition_date') }}

)

select * from missing
