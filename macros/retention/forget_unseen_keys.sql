{#-
    Statements run here: in what Gold sums up by day, the keys that were not seen within its
    retention are forgotten. A key that was is remembered from its first day on: a pattern of long
    ago that is still there must not turn new (R10). `meta.remembered_by` of a model names its keys.

    today: date.
-#}
{% macro forget_unseen_keys(today) -%}
    {%- for table in tables_with('remembered_by') if var('gold_retention_days') is not none -%}
        {%- set relation, keys = existing_table('gold', table.name), table.value -%}
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
