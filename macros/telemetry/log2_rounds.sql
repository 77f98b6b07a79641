{#- How often a step of one must double to reach across all places of an array; at least once. -#}
{% macro log2_rounds(places) -%}
    greatest(1, cast(ceil(log2(size({{ places }}))) as int))
{%- endmacro %}
