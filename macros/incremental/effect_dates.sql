{#-
    List of literals: the days that lie before and after the changes whose effects a run measures
    again; a null date if there are none.
-#}
{% macro effect_dates() -%}
    {%- set touched = adapter.get_relation(none, 'control', 'changed_effects') -%}
    {%- if touched is none or not has_news('builds') -%}
        {{ return('(null)') }}
    {%- endif -%}
    {%- set span = "interval " ~ var('change_effect_minutes') ~ " minutes" -%}
    {%- set query -%}
        select distinct
            explode(array(
                to_date(changes.changed_at - {{ span }}),
                to_date(changes.changed_at),
                to_date(changes.changed_at + {{ span }})
            )) as event_date
        from {{ ref('known_changes') }} as changes
        left semi join {{ touched }} as touched
            on changes.change_key = touched.touched_key
        order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
