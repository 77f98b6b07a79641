{#-
    Literal that names this build of Silver: the newest pin. A run that repeats one which was cut
    short has nothing new to pin and goes on under its name, so that Gold takes both as one.
-#}
{% macro silver_build_id() -%}
    {%- set pinned = ref('pinned_batches') -%}
    {%- set pinned = load_relation(pinned) if execute else none -%}
    {%- set newest = none -%}
    {%- if pinned is not none -%}
        {%- set query = 'select max_by(build_id, ingest_batch) from ' ~ pinned -%}
        {%- set newest = run_query(query).rows[0][0] -%}
    {%- endif -%}
    cast({{ 'null' if newest is none else "'" ~ newest ~ "'" }} as string)
{%- endmacro %}
