{#-
    List of literals: the days where Silver holds, or will hold, something of what this run touches
    (R7).

    and_linked: also the days of what touched traces link to.
-#}
{% macro touched_dates(and_linked=false) -%}
    {%- set arrivals = adapter.get_relation(none, 'control', 'trace_arrivals') -%}
    {%- if arrivals is none -%}
        {{ return('(null)') }}
    {%- endif -%}
    {%- set dates = 'concat(event_dates, coalesce(linked_dates, array()))' if and_linked
        else 'event_dates' -%}
    {%- set query -%}
        select distinct explode({{ dates }}) as event_date
        from {{ arrivals }}
        order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
