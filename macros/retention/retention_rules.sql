{#-
    List of what is kept for how long (R12), a dictionary a table: layer, table, days. What the
    variables keep for ever is not in it.
-#}
{% macro retention_rules() -%}
    {%- set tables = {
        'bronze': ['spans', 'log_records', 'changes', 'rejected_records'],
        'silver': ['spans', 'log_records', 'error_events', 'service_calls', 'traces', 'changes'],
        'gold_minutes': ['endpoint_minutes', 'call_graph_minutes'],
        'gold': [
            'endpoint_hours', 'anomaly_features', 'error_events', 'sampled_spans',
            'sampled_log_records', 'incident_paths', 'change_effects',
        ],
    } -%}
    {%- set rules = [] -%}
    {%- for group, names in tables.items() if var(group ~ '_retention_days') is not none -%}
        {%- for name in names -%}
            {%- do rules.append({
                'layer': group.split('_') | first,
                'table': name,
                'days': var(group ~ '_retention_days') | int,
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(rules) }}
{%- endmacro %}
