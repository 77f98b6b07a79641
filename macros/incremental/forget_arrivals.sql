{#- Statement for the hook of the last Silver model: what is booked needs no arrivals any more. -#}
{% macro forget_arrivals() -%}
    {%- set arrivals = ref('trace_arrivals') -%}
    {%- set arrivals = load_relation(arrivals) if execute else none -%}
    {%- if arrivals is not none -%}
        {%- set query = "select 1 from " ~ arrivals ~ " limit 1" -%}
        {%- if run_query(query).rows -%}
            delete from {{ arrivals }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
