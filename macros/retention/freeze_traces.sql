{#-
    Statements run here: notes the traces that begin on days which expire and go on later, before
    their first rows go: what arrives for them later has nothing to be put together with (R6).

    plan: of expiry_plan.
-#}
{% macro freeze_traces(plan) -%}
    {%- set frozen = existing_table('control', 'frozen_traces') -%}
    {%- for step in plan if step.name == 'silver.traces' -%}
        {%- set days = "(date'" ~ step.days | join("', date'") ~ "')" -%}
        {%- do run_query(
            'insert into ' ~ frozen ~ ' (trace_id, last_date) select traces.trace_id, '
            ~ 'array_max(traces.event_dates) from ' ~ step.relation ~ ' as traces left anti join '
            ~ frozen ~ ' as frozen on traces.trace_id = frozen.trace_id where '
            ~ 'traces.partition_date in ' ~ days ~ ' and array_max(traces.event_dates) not in '
            ~ days
        ) -%}
        {%- do run_query('delete from ' ~ frozen ~ ' where last_date in ' ~ days) -%}
    {%- endfor -%}
{%- endmacro %}
