{#-
    Not SQL but the number of a version of a table: `as_of` itself if it is one, else the last version
    committed at or before that time (R11). Delta would refuse a time after the last commit.
-#}
{% macro version_at(relation, as_of) -%}
    {%- if as_of is integer or modules.re.fullmatch('\\d{1,18}', as_of | string) -%}
        {{ return(as_of | int) }}
    {%- endif -%}
    {%- set time = time_literal(as_of) -%}
    {%- if not execute -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set version = run_query(
        'select max(version) from ' ~ committed_versions(relation)
        ~ ' where committed_at <= ' ~ time
    ).rows[0][0] -%}
    {%- if version is none -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ ' has no version as of ' ~ as_of ~ ': its log begins later'
        ) -%}
    {%- endif -%}
    {{ return(version | int) }}
{%- endmacro %}
