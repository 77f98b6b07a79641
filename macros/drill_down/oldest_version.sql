{#-
    Not SQL but the number of the oldest version of a table that time travel leads to: one within the
    layer's window, or the newest (R11).

    relation: the table; layer: bronze, silver or gold.
-#}
{% macro oldest_version(relation, layer) -%}
    {%- set commits = [] -%}
    {%- for commit in run_query('describe history ' ~ relation).rows -%}
        {%- do commits.append(
            '(' ~ commit['version'] ~ ", timestamp '" ~ commit['timestamp'] ~ "')"
        ) -%}
    {%- endfor -%}
    {{ return(run_query(
        'select coalesce(min(version) filter (where committed_at > current_timestamp() - interval '
        ~ var(layer ~ '_travel_days') ~ ' days), max(version)) from values '
        ~ commits | join(', ') ~ ' as commits (version, committed_at)'
    ).rows[0][0] | int) }}
{%- endmacro %}
