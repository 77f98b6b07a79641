{#- Not SQL but a list: which of some traces were erased (R12). -#}
{% macro erased_traces(trace_ids) -%}
    {%- set erased_ids = existing_table('bronze', 'erased_ids') -%}
    {%- if erased_ids is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set query -%}
        select distinct asked.trace_id
        from values ('{{ trace_ids | join("'), ('") }}') as asked (trace_id)
        inner join {{ erased_ids }} as erased_ids
            on
                erased_ids.id_kind = 'trace'
                and erased_ids.id_hash = sha2(concat(erased_ids.salt, asked.trace_id), 256)
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}
