{{ config(materialized='view') }}

{#- The table as an earlier run left it: a ref would be a cycle. -#}
{%- set calls = existing_table('silver', 'service_calls') -%}

-- Traces whose calls this run rebuilds: the touched ones, and those with links to them.
with touched_traces as (

    select touched_key from {{ ref('touched_traces') }}

),

-- one row per touched key
touched_calls as (

    select touched_key from touched_traces
    {%- if calls is not none %}
    union distinct
    select calls.trace_id as touched_key
    from {{ calls }} as calls
    left semi join touched_traces
        on calls.source_trace_id = touched_traces.touched_key
    where calls.is_linked
    {%- endif %}

)

select * from touched_calls
