{#-
    Statement run here: notes in gold.expired_days what is about to go, in one commit.

    plan: of expiry_plan.
-#}
{% macro note_expiry(plan) -%}
    {%- set notes = [] -%}
    {%- for step in plan -%}
        {%- for row in step.rows -%}
            {%- do notes.append(
                "('" ~ step.name ~ "', 'delete', date'" ~ row['partition_date'] ~ "', "
                ~ ('null' if row['ingest_batch'] is none else row['ingest_batch']) ~ ', '
                ~ row['record_count'] ~ ', current_timestamp())'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if notes -%}
        {%- do run_query(
            'insert into ' ~ existing_table('gold', 'expired_days')
            ~ ' (table_name, phase, partition_date, ingest_batch, record_count, expired_at) '
            ~ 'values ' ~ notes | join(', ')
        ) -%}
    {%- endif -%}
{%- endmacro %}
