{{ config(materialized='view') }}

-- Patterns whose totals gold.error_patterns does not hold as they are.
{{ differing_keys(ref('error_pattern_totals'), 'error_patterns', {
    'fingerprint': 'string',
    'environment': 'string',
    'error_message': 'string',
    'trace_id': 'string',
    'failure_count': 'bigint',
    'event_count': 'bigint',
    'first_seen_at': 'timestamp',
    'last_seen_at': 'timestamp',
}) }}
