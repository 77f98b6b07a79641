{#- Whether a model of the strategy `rebuild_touched` has anything to delete or insert now. -#}
{% macro touches_anything() -%}
    {%- set touched = config.get('touched') -%}
    {%- if touched is none -%}
        {{ return(true) }}
    {%- elif touched == 'touched_traces' -%}
        {%- do check_arrivals_are_noted() -%}
    {%- elif is_touched(touched) is not none -%}
        {{ return('(null)' not in is_touched(touched)) }}
    {%- endif -%}
    {{ return(once(touched_keys(touched) ~ ' limit 1').rows | length > 0) }}
{%- endmacro %}
