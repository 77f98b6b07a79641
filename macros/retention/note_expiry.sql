{#-
    Statement run here: notes in control.expired_days what is about to go, in one commit.

    plan: of expiry_plan.
-#}
{% macro note_expiry(plan) -%}
    {%- set days = [] -%}
    {%- for step in plan -%}
        {%- for row in step.rows -%}
            {%- do days.append(
                [step.name, row['partition_date'], row['ingest_batch'], row['record_count']]
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do note_days('delete', days) -%}
{%- endmacro %}
