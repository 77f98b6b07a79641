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
