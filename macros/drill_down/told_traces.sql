{#-
    Steps of a query, of which the last is called `told_traces`: the rows of a step, and one row with
    nothing but `status` for each trace that has none, so that what is gone is never an empty answer
    (R11).

    rows: name of the step. groups: what `trace_versions` says of the traces.
-#}
{% macro told_traces(rows, groups) -%}
asked as (

    select
        trace_id,
        absence
    from
        values
        {%- for group in groups %}
        {%- set group_is_last = loop.last %}
        {%- for trace_id in group.trace_ids %}
        ('{{ trace_id }}', '{{ group.absence }}'){{ ',' if not (loop.last and group_is_last) }}
        {%- endfor %}
        {%- endfor %}
            as asked (trace_id, absence)

),

told_traces as (

    select
        asked.trace_id,
        if({{ rows }}.trace_id is not null, 'found', asked.absence) as status,
        {{ rows }}.* except (trace_id)
    from asked
    left join {{ rows }}
        on asked.trace_id = {{ rows }}.trace_id

)
{%- endmacro %}
