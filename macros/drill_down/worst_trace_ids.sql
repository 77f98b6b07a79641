{#-
    Not SQL but a list: the kept traces of the window of gold.endpoint_minutes with most errors, of
    those that failed more often than not, else of all; an id of zeros, which no trace has, if there
    is none and while parsing.
-#}
{% macro worst_trace_ids() -%}
    {%- set windows = ref('endpoint_minutes') -%}
    {%- set nothing = ['0' * 32] -%}
    {%- if not execute or load_relation(windows) is none -%}
        {{ return(nothing) }}
    {%- endif -%}
    {%- set found = run_query(
        'select explode(sample_trace_ids) as trace_id from (select sample_trace_ids from '
        ~ windows ~ ' where error_count > 0 and size(sample_trace_ids) > 0'
        ~ ' order by coalesce(error_rate, 0) > 0.5 desc, error_count desc, window_start, service,'
        ~ ' endpoint limit 1)'
    ).columns[0].values() -%}
    {{ return(found | list or nothing) }}
{%- endmacro %}
