{#-
    What the run has pinned (R6), as a row: the newest `bronze_version` and the `build_id` of the
    newest pin; none before the first pin.
-#}
{% macro pinned() -%}
    {%- set table = adapter.get_relation(none, 'control', 'pinned_batches') -%}
    {%- if table is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set query -%}
        select
            max(bronze_version) as bronze_version,
            max_by(build_id, ingest_batch) as build_id
        from {{ table }}
    {%- endset -%}
    {{ return(once(query).rows[0]) }}
{%- endmacro %}
