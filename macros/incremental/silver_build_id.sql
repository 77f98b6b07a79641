{#-
    Literal that names this build of Silver: the newest pin. A run that repeats one which was cut
    short has nothing new to pin and goes on under its name, so that Gold takes both as one.
-#}
{% macro silver_build_id() -%}
    {%- set row = pinned() -%}
    {%- set build = row['build_id'] if row -%}
    cast({{ 'null' if build is none else "'" ~ build ~ "'" }} as string)
{%- endmacro %}
