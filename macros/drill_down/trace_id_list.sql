{#- List of literals of trace ids, as `in` takes it; refuses what is no trace id. -#}
{% macro trace_id_list(trace_ids) -%}
    {%- if trace_ids is string or not trace_ids -%}
        {%- do exceptions.raise_compiler_error(
            "trace_ids: a list of trace ids is needed, as in ['4bf92f3577b34da6a3ce929d0e0e4736']"
        ) -%}
    {%- endif -%}
    {%- for trace_id in trace_ids if not modules.re.fullmatch('[0-9a-f]{32}', trace_id | string) -%}
        {%- do exceptions.raise_compiler_error(
            'No trace id: ' ~ trace_id ~ '. It has 32 lowercase hex digits'
        ) -%}
    {%- endfor -%}
    ('{{ trace_ids | join("', '") }}')
{%- endmacro %}
