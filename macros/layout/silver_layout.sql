{#-
    How the variable `silver_layout` lays out silver.spans and silver.log_records, as configuration
    of a model. A clustered Delta table has no partitions.
-#}
{% macro silver_layout() -%}
    {%- set layouts = {
        'date': {'partition_by': ['partition_date']},
        'date_service': {'partition_by': ['partition_date', 'service']},
        'date_trace_prefix': {'partition_by': ['partition_date', 'trace_id_prefix']},
        'clustered': {'liquid_clustered_by': ['trace_id']},
    } -%}
    {%- if var('silver_layout') not in layouts -%}
        {%- do exceptions.raise_compiler_error(
            "Unknown silver_layout '" ~ var('silver_layout') ~ "': one of "
            ~ layouts | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {{ return(layouts[var('silver_layout')]) }}
{%- endmacro %}
