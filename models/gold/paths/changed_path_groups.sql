{{ config(materialized='view') }}

-- Shapes whose totals gold.incident_path_groups does not hold as they are.
{{ differing_keys(ref('incident_path_totals'), 'incident_path_groups', {
    'shape_hash': 'string',
    'environment': 'string',
    'suspected_root_cause': 'string',
    'error_message': 'string',
    'trace_ids': 'array<string>',
    'path_count': 'bigint',
    'trace_count': 'bigint',
    'fatal_trace_count': 'bigint',
    'first_seen_at': 'timestamp',
    'last_seen_at': 'timestamp',
}) }}
