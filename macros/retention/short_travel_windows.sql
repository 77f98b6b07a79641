{#-
    List of the table properties of travel_windows that a table falls short of. What it does not set
    is Delta's default.

    relation: the table; layer: bronze, silver or gold.
-#}
{% macro short_travel_windows(relation, layer) -%}
    {%- set held = {
        'delta.deletedFileRetentionDuration': 'interval 7 days',
        'delta.logRetentionDuration': 'interval 30 days',
    } -%}
    {%- for row in run_query('show tblproperties ' ~ relation).rows -%}
        {%- do held.update({row['key']: row['value']}) -%}
    {%- endfor -%}
    {%- set short = [] -%}
    {%- for name in travel_windows(layer) -%}
        {%- set days = modules.re.fullmatch('interval ([0-9]+) days?', held[name]) -%}
        {%- if not days or days[1] | int < var(layer ~ '_travel_days') | int -%}
            {%- do short.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(short) }}
{%- endmacro %}
