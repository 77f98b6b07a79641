{#-
    The Delta version that a table of Silver had when all tests held last; none where the tests look
    at everything.

    table: layer.table.
-#}
{% macro tested_version(table) -%}
    {%- if tested_builds() is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set query -%}
        select
            table_name,
            table_version
        from {{ adapter.get_relation(none, 'gold', 'build_versions') }}
        where build_id = '{{ env_var("TRACEKEEP_TESTS_SINCE", "") | replace("'", "") }}'
    {%- endset -%}
    {%- for row in once(query).rows if row['table_name'] == table -%}
        {{ return(row['table_version']) }}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}
