{#-
    How the variable `gold_layout` lays out a table of Gold that is read by endpoint, as configuration
    of a model. A clustered Delta table has no partitions.
-#}
{% macro gold_layout() -%}
    {%- set layouts = {
        'date': {'partition_by': ['partition_date']},
        'date_service_endpoint': {'partition_by': ['partition_date', 'service', 'endpoint']},
        'clustered': {'liquid_clustered_by': ['service', 'endpoint']},
    } -%}
    {%- if var('gold_layout') not in layouts -%}
        {%- do exceptions.raise_compiler_error(
            "Unknown gold_layout '" ~ var('gold_layout') ~ "': one of "
            ~ layouts | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {{ return(layouts[var('gold_layout')]) }}
{%- endmacro %}
