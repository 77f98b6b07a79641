{#-
    List of literals: the days where Silver holds, or will hold, something of what this run touches
    (R7).

    and_linked: also the days of what touched traces link to.
-#}
{% macro touched_dates(and_linked=false) -%}
    {%- set touched = ref('touched_traces') -%}
    {%- if not execute or load_relation(touched) is none -%}
        {{ return('(null)') }}
    {%- endif -%}
    {%- set dates = 'concat(event_dates, linked_dates)' if and_linked else 'event_dates' -%}
    {%- set query -%}
        select distinct explode({{ dates }}) as event_date from {{ touched }} order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
