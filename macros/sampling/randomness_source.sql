{#- Where the randomness of a trace comes from: rv, trace_id or hash. -#}
{% macro randomness_source(rv, environment) -%}
    {%- set hashed = var('hashed_randomness_environments') -%}
    case
        when {{ rv }} is not null then 'rv'
        {%- if hashed %}
        when {{ environment }} in ({{ "'" ~ hashed | join("', '") ~ "'" }}) then 'hash'
        {%- endif %}
        else 'trace_id'
    end
{%- endmacro %}
