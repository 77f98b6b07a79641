{#-
    List of literals: the days of the touched keys of a view, which are days or starts of windows
    (R7); a null date if there are none.
-#}
{% macro dates_of(touched) -%}
    {%- if not execute or load_relation(touched) is none -%}
        {{ return('(null)') }}
    {%- endif -%}
    {%- set query -%}
        select distinct to_date(touched_key) as event_date from {{ touched }} order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
