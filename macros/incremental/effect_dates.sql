{#-
    List of literals: the days that lie before and after the changes that a run tells the effects of;
    a null date if there are none.
-#}
{% macro effect_dates(changed_effects) -%}
    {%- if not execute or load_relation(changed_effects) is none -%}
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
        left semi join {{ changed_effects }} as touched
            on changes.change_key = touched.touched_key
        order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
