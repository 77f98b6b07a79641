{#-
    Steps of a query, of which the last is called `told_windows`: the rows of a step that has
    `window_start`, and one row with nothing but `status` and the start of the day for each day of the
    range that has expired, so that what is gone is no empty answer (R11).

    rows: name of the step. table: layer.table, whose days are meant. from_time, to_time: literals.
-#}
{% macro told_windows(rows, table, from_time, to_time) -%}
    {%- set dates = expired_dates([table]) -%}
asked as (

    select cast(null as date) as expired_date
    {%- if dates is not none %}
    union all
    select days.expired_date
    from (select explode(array{{ dates }}) as expired_date) as days
    where
        days.expired_date >= to_date({{ from_time }})
        and cast(days.expired_date as timestamp) < {{ to_time }}
    {%- endif %}

),

told_windows as (

    select
        if(asked.expired_date is null, 'found', 'expired') as status,
        coalesce({{ rows }}.window_start, cast(asked.expired_date as timestamp)) as window_start,
        {{ rows }}.* except (window_start)
    from asked
    left join {{ rows }}
        on asked.expired_date is null
    where asked.expired_date is not null or {{ rows }}.window_start is not null

)
{%- endmacro %}
