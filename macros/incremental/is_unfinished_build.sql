{#-
    Predicate: the Gold build is this one, or one that was cut short since a build was last finished.
    What it wrote may not have reached the tables below.

    column: build id of a Gold row.
-#}
{% macro is_unfinished_build(column) -%}
    {%- set audit = adapter.get_relation(none, 'gold', 'build_versions') -%}
    {%- set newest = none -%}
    {%- if audit is not none -%}
        {%- set newest = once('select max(build_id) from ' ~ audit).rows[0][0] -%}
    {%- endif -%}
    ({{ column }} = {{ build_id() }} or {{ column }} > '{{ newest or '' }}')
{%- endmacro %}
