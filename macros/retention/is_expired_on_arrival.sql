{#-
    Predicate: an event is of a day that Silver has let go, or of a trace that began on one; its
    verdict and its windows are frozen (R6). False, and no look at any table, before the first day
    has expired.

    rows: relation or alias that has its trace_id; time: expression, a timestamp.
-#}
{% macro is_expired_on_arrival(rows, time) -%}
    {%- set dates = expired_dates(['silver.spans', 'silver.log_records']) -%}
    {%- if dates is none -%}
        {{ return('false') }}
    {%- endif -%}
    (
        to_date({{ time }}) in {{ dates }}
        or exists(
            select 1 from {{ adapter.get_relation(none, 'control', 'frozen_traces') }} as frozen_traces
            where frozen_traces.trace_id = {{ rows }}.trace_id
        )
    )
{%- endmacro %}
