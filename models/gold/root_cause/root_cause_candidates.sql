{{ config(materialized='view') }}

with {{ failing_windows(ref('endpoint_minutes'), var('window_minutes')) }},

{{ root_cause_candidates(
    ref('operation_minutes'), ref('log_statement_minutes'), ref('call_graph_minutes'),
    var('root_cause_reference_hours')
) }}

select * from root_cause_candidates
where candidate_rank <= 5
