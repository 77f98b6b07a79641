{#-
    List of the Silver builds that the tests of this command look at: those that Gold has taken since
    the build that the environment variable TRACEKEEP_TESTS_SINCE names, when all tests held (R7).
    None for everything, which is the default.
-#}
{% macro tested_builds() -%}
    {%- set since = env_var('TRACEKEEP_TESTS_SINCE', '') if execute else '' -%}
    {%- if not since -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set query -%}
        select distinct explode(silver_build_ids) as build_id
        from {{ adapter.get_relation(none, 'gold', 'build_versions') }}
        where build_id > '{{ since | replace("'", "") }}'
        order by 1
    {%- endset -%}
    {{ return(once(query).columns[0].values() | list) }}
{%- endmacro %}
