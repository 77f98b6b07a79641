{#-
    Statements run here: in what Gold sums up by day, the keys that were not seen within its
    retention are forgotten. A key that was is remembered from its first day on: a pattern of long
    ago that is still there must not turn new (R10).

    today: date.
-#}
{% macro forget_unseen_keys(today) -%}
    {%- set tables = {
        'environment_days': ['environment'],
        'error_pattern_days': ['environment', 'fingerprint'],
        'incident_path_days': ['environment', 'shape_hash'],
        'service_version_days': ['environment', 'service', 'service_version'],
    } -%}
    {%- for table, keys in tables.items() if var('gold_retention_days') is not none -%}
        {%- set relation = existing_table('gold', table) -%}
        {%- set same_key = [] -%}
        {%- for key in keys -%}
            {%- do same_key.append('old.' ~ key ~ ' = unseen.' ~ key) -%}
        {%- endfor -%}
        {%- do run_query(
            'merge into ' ~ relation ~ ' as old using (select ' ~ keys | join(', ') ~ ' from '
            ~ relation ~ ' group by all having max(partition_date) < date_sub(date\'' ~ today
            ~ '\', ' ~ var('gold_retention_days') ~ ')) as unseen on ' ~ same_key | join(' and ')
            ~ ' when matched then delete'
        ) -%}
    {%- endfor -%}
{%- endmacro %}
