{#- The layer is the schema: no prefix from the target. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ return(custom_schema_name or target.schema) }}
{%- endmacro %}


{#- A layer's schema lies beside its tables, not in a folder <layer>.db. -#}
{% macro spark__create_schema(relation) -%}
    {%- call statement('create_schema') -%}
        create schema if not exists {{ relation.schema }}
        location '{{ lake_path() }}/{{ relation.schema }}'
    {%- endcall -%}
{%- endmacro %}


{#- Each table lies at <lake>/<layer>/<table>, an external table: dropping it leaves its files. -#}
{% macro spark__location_clause() -%}
    location '{{ lake_path() }}/{{ model.schema }}/{{ model.alias }}'
{%- endmacro %}


{#-
    dbt-spark's statement for a new table, but that it replaces one only in a rebuild, or if each run
    makes it anew: a metastore that was lost or left behind must not make a run overwrite what the
    lake holds (register_tables has registered such tables).
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


{#-
    The rows of a model that a generic test looks at: dbt's, and of a table that is built day by day
    only the days that the tests of this command look at.

    relation: the model.
-#}
{% macro spark__get_where_subquery(relation) -%}
    {%- set terms = [config.get('where')] if config.get('where') else [] -%}
    {%- if execute and tested_builds() is not none -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model'
            and node.schema == relation.schema and node.alias == relation.identifier
            and node.config.materialized == 'incremental' and 'partition_date' in node.columns -%}
            {%- do terms.append(is_tested_date('partition_date')) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not terms -%}
        {{ return(relation) }}
    {%- endif -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ terms | join(' and ') ~ ') as tested') }}
{%- endmacro %}


{#- dbt-spark's list of strategies, with the project's own one in it. -#}
{% macro dbt_spark_validate_get_incremental_strategy(raw_strategy, file_format) -%}
    {%- if raw_strategy not in ['append', 'rebuild_touched'] -%}
        {%- do exceptions.raise_compiler_error(
            "Unknown incremental strategy '" ~ raw_strategy ~ "': this project uses append and "
            ~ "rebuild_touched, because the others lose late rows (docs/decisions.md)."
        ) -%}
    {%- endif -%}
    {{ return(raw_strategy) }}
{%- endmacro %}
