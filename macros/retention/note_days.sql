{#-
    Statement run here: notes in control.expired_days what became of days, in one commit; no commit for
    none.

    phase: delete or remove. days: list of [layer.table, date, ingest batch or none, rows].
-#}
{% macro note_days(phase, days) -%}
    {%- set notes = [] -%}
    {%- for name, date, ingest_batch, record_count in days -%}
        {%- do notes.append(
            "('" ~ name ~ "', '" ~ phase ~ "', date'" ~ date ~ "', "
            ~ ('null' if ingest_batch is none else ingest_batch) ~ ', ' ~ record_count
            ~ ', current_timestamp())'
        ) -%}
    {%- endfor -%}
    {%- if notes -%}
        {%- do run_query(
            'insert into ' ~ existing_table('control', 'expired_days')
            ~ ' (table_name, phase, partition_date, ingest_batch, record_count, expired_at) '
            ~ 'values ' ~ notes | join(', ')
        ) -%}
    {%- endif -%}
{%- endmacro %}
