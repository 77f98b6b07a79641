{#- List of the Silver builds that Gold has not taken yet; from_nothing: of all Silver builds. -#}
{% macro outstanding_builds(from_nothing=false) -%}
    {%- set books = ref('batch_books') -%}
    {%- set books = load_relation(books) if execute else none -%}
    {%- if books is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set builds = run_query('select distinct build_id from ' ~ books).columns[0].values() -%}
    {%- set audit = none if from_nothing else existing_table('gold', 'build_versions') -%}
    {%- if audit is none -%}
        {{ return(builds | sort) }}
    {%- endif -%}
    {%- set taken = run_query(
        'select distinct explode(silver_build_ids) as build_id from ' ~ audit
    ).columns[0].values() -%}
    {{ return(builds | reject('in', taken) | sort) }}
{%- endmacro %}
