-- R11: a version can be read for as long as the variables say: Delta refuses it beyond a property
-- of the table, which `tracekeep expire` sets. Returns the properties that say less; only a look at
-- everything asks them.
{#- what a table does not set is Delta's default #}
{%- set defaults = {'delta.deletedFileRetentionDuration': 7, 'delta.logRetentionDuration': 30} %}
{%- set short = [] %}
{%- for node in (graph.sources.values() | list) + (graph.nodes.values() | list)
    if node.schema in ('bronze', 'silver', 'gold') and execute and tested_builds() is none %}
    {%- set relation = adapter.get_relation(none, node.schema, node.get('alias') or node.name) %}
    {%- if relation is not none and relation.is_delta %}
        {%- set held = dict(run_query('show tblproperties ' ~ relation).rows.values()) %}
        {%- for name, default in defaults.items() %}
            {%- set interval = held.get(name, 'interval ' ~ default ~ ' days') %}
            {%- set days = modules.re.findall('^interval ([0-9]+) days?$', interval) %}
            {%- if (days | first | default(0) | int) < var(node.schema ~ '_travel_days') | int %}
                {%- do short.append(relation ~ ': ' ~ name) %}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
{%- endfor %}

with short as (

    select explode(cast(
        array({{ "'" ~ short | join("', '") ~ "'" if short }}) as array<string>
    )) as table_property

)

select * from short
