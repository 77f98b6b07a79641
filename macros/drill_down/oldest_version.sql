{#-
    Not SQL but the number of the oldest version of a table that time travel leads to: one within the
    layer's window, or the newest (R11).

    relation: the table; layer: bronze, silver or gold.
-#}
{% macro oldest_version(relation, layer) -%}
    {{ return(run_query(
        'select coalesce(min(version) filter (where committed_at > current_timestamp() - interval '
        ~ var(layer ~ '_travel_days') ~ ' days), max(version)) from ' ~ committed_versions(relation)
    ).rows[0][0] | int) }}
{%- endmacro %}
