{#- Statement for the hook of the last Silver model: what is booked needs no arrivals any more. -#}
{% macro forget_arrivals() -%}
    {%- set arrivals = existing_table('control', 'trace_arrivals') -%}
    {%- if arrivals is not none and run_query("select 1 from " ~ arrivals ~ " limit 1").rows -%}
        delete from {{ arrivals }}
    {%- endif -%}
{%- endmacro %}
