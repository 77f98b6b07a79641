{#- Query for the Silver builds that Gold has not taken yet: the set difference of R6. -#}
{% macro outstanding_builds() -%}
    {%- set taken = existing_table('gold', 'build_versions') -%}
    select distinct books.build_id
    from {{ ref('batch_books') }} as books
    {%- if taken is not none %}
    left anti join {{ taken }} as taken
        on books.build_id = taken.silver_build_id
    {%- endif %}
{%- endmacro %}
