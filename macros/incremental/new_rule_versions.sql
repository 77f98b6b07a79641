{#- List of the versions of the pattern rules that gold.error_pattern_days holds no day of. -#}
{% macro new_rule_versions() -%}
    {%- set table = adapter.get_relation(none, 'gold', 'error_pattern_days') -%}
    {%- if table is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set held = once('select distinct pattern_version from ' ~ table).columns[0].values() -%}
    {{ return(var('error_pattern_rules') | reject('in', held) | list if held else []) }}
{%- endmacro %}
