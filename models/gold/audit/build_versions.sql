{{ config(incremental_strategy='append', post_hook='{{ compact_gold_days() }}') }}

-- depends_on: {{ ref('day_builds') }}, {{ ref('pinned_batches') }}

-- Which Delta versions each build of Gold was made of (R11), and which Silver builds it took (R6).
-- The last Gold model of a run: what stands here is taken.
{%- set tables = {
    'bronze.spans': source('bronze', 'spans'),
    'bronze.log_records': source('bronze', 'log_records'),
    'silver.spans': ref('spans'),
    'silver.log_records': ref('log_records'),
    'silver.traces': ref('traces'),
    'silver.error_events': ref('error_events'),
    'silver.service_calls': ref('service_calls'),
    'silver.changes': ref('changes'),
    'gold.anomaly_features': ref('anomaly_features'),
    'gold.anomaly_features_aggregated': ref('anomaly_features_aggregated'),
    'gold.call_graph_minutes': ref('call_graph_minutes'),
    'gold.change_effects': ref('change_effects'),
    'gold.endpoint_hours': ref('endpoint_hours'),
    'gold.endpoint_minutes': ref('endpoint_minutes'),
    'gold.endpoint_minutes_aggregated': ref('endpoint_minutes_aggregated'),
    'gold.endpoint_traffic_hours': ref('endpoint_traffic_hours'),
    'gold.environment_days': ref('environment_days'),
    'gold.error_events': ref('gold_error_events'),
    'gold.error_pattern_days': ref('error_pattern_days'),
    'gold.error_patterns': ref('error_patterns'),
    'gold.incident_path_days': ref('incident_path_days'),
    'gold.incident_path_groups': ref('incident_path_groups'),
    'gold.incident_paths': ref('incident_paths'),
    'gold.sampled_log_records': ref('sampled_log_records'),
    'gold.sampled_spans': ref('sampled_spans'),
    'gold.service_version_days': ref('service_version_days'),
} %}
{%- set silver_build_ids = outstanding_builds(from_nothing=not is_incremental()) %}

with build_versions as (

    select
        {{ build_id() }} as build_id,
        table_name,
        table_version,
        {{ "array('" ~ silver_build_ids | join("', '") ~ "')" }} as silver_build_ids,
        current_timestamp() as built_at
    from
        values
        {%- for name, relation in tables.items() %}
        ('{{ name }}', {{ delta_version(relation) }}){{ ',' if not loop.last }}
        {%- endfor %}
            as versions (table_name, table_version)
    where {{ 'true' if silver_build_ids else 'false' }}

)

select * from build_versions
