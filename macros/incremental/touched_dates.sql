{#-
    List of literals: the days where Silver holds, or will hold, something of what this run touches
    (R7).

    and_linked: also the days of what touched traces link to.
-#}
{% macro touched_dates(and_linked=false) -%}
    {%- set arrivals = existing_table('control', 'trace_arrivals') if execute else none -%}
    {%- if arrivals is none -%}
        {{ return('(null)') }}
    {%- endif -%}
    {%- set dates = 'concat(event_dates, coalesce(linked_dates, array()))' if and_linked
        else 'event_dates' -%}
    {%- set query -%}
        select distinct explode({{ dates }}) as event_date
        from {{ arrivals }}
        where {{ is_outstanding_batch('ingest_batch') }}
        order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
