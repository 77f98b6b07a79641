{#-
    Raises an error if a batch that this run takes is not in trace_arrivals: the model was selected
    without it, and would not find what it has to delete.
-#}
{% macro check_arrivals_are_noted() -%}
    {%- set arrivals = ref('trace_arrivals') -%}
    {%- if 'model.' ~ project_name ~ '.trace_arrivals' in selected_resources -%}
        {{ return('') }}
    {%- endif -%}
    {%- set query -%}
        with noted as (

            select ingest_batch from {{ arrivals }}

        )

        select batches.ingest_batch
        from {{ source('bronze', 'ingest_batches') }} as batches
        left anti join noted
            on batches.ingest_batch = noted.ingest_batch
        where
            batches.span_count + batches.log_record_count > 0
            and {{ is_outstanding_batch('batches.ingest_batch') }}
        limit 1
    {%- endset -%}
    {%- if load_relation(arrivals) is none or once(query).rows -%}
        {%- do exceptions.raise_compiler_error(
            "trace_arrivals has not noted what the new ingest batches touch: select it too, as in "
            ~ "`dbt run --select silver`."
        ) -%}
    {%- endif -%}
{%- endmacro %}
