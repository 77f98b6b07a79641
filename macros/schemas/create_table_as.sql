{#-
    dbt-spark's statement for a new table, but that it replaces one only in a rebuild, or if each run
    makes it anew: a metastore that was lost or left behind must not make a run overwrite what the
    lake holds. `python -m tracekeep run` registers such tables again.
-#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- set is_replaced = should_full_refresh() or config.get('materialized') == 'table' %}
        create {{ 'or replace ' if is_replaced }}table {{ relation }}
        {%- if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(compiled_code) }}
        {%- set compiled_code = get_select_subquery(compiled_code) %}
        {%- endif %}
        {{ file_format_clause() }}
        {{ tblproperties_clause() }}
        {{ partition_cols(label='partitioned by') }}
        {%- if config.get('liquid_clustered_by') %}
        cluster by ({{ config.get('liquid_clustered_by') | join(', ') }})
        {%- endif %}
        {{ location_clause() }}
        as
        {{ compiled_code }}
    {%- endif -%}
{%- endmacro %}
