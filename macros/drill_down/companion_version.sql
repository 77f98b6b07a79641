{#-
    Not SQL but the number of a version of a table that goes with `as_of`: a time, or a version of the
    spans of its layer, which gold.build_versions leads to that of log records (R11).
-#}
{% macro companion_version(table, relation, as_of) -%}
    {%- set builds = ref('build_versions') -%}
    {%- set is_version = as_of is integer or modules.re.fullmatch('\\d{1,18}', as_of | string) -%}
    {%- if not execute or table.endswith('.spans') or not is_version -%}
        {{ return(version_at(relation, as_of)) }}
    {%- endif -%}
    {%- set spans = table.split('.')[0] ~ '.spans' -%}
    {%- set found = run_query(
        'select min_by(others.table_version, others.build_id) from ' ~ builds ~ ' as others'
        ~ ' left semi join ' ~ builds ~ ' as spans on others.build_id = spans.build_id'
        ~ " and spans.table_name = '" ~ spans ~ "' and spans.table_version = " ~ as_of
        ~ " where others.table_name = '" ~ table ~ "'"
    ).rows[0][0] -%}
    {%- if found is none -%}
        {%- do exceptions.raise_compiler_error(
            'gold.build_versions knows no build with version ' ~ as_of ~ ' of ' ~ spans
            ~ ': name a time instead'
        ) -%}
    {%- endif -%}
    {{ return(found | int) }}
{%- endmacro %}
