{#-
    Raises an error if a batch that this run takes is not in trace_arrivals: the model was selected
    without it, and would not find what it has to delete.
-#}
{% macro check_arrivals_are_noted() -%}
    {%- set query -%}
        with noted as (

            select ingest_batch from {{ ref('trace_arrivals') }}

        )

        select batches.ingest_batch
        from {{ source('bronze', 'ingest_batches') }} as batches
        left anti join noted
            on batches.ingest_batch = noted.ingest_batch
        where
            batches.span_count + batches.log_record_count > 0
            and (
                {%- for first, last in outstanding_batches() %}
                {{ 'or' if not loop.first }} batches.ingest_batch between {{ first }} and {{ last }}
                {%- endfor %}
            )
        limit 1
    {%- endset -%}
    {%- if 'model.' ~ project_name ~ '.trace_arrivals' not in selected_resources
        and (load_relation(ref('trace_arrivals')) is none or once(query).rows) -%}
        {%- do exceptions.raise_compiler_error(
            "trace_arrivals has not noted what the new ingest batches touch: select it too, as in "
            ~ "`dbt run --select silver`."
        ) -%}
    {%- endif -%}
{%- endmacro %}
