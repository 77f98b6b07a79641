{#-
    Query for the traces, and events without a trace, that the outstanding batches bring news of (R6),
    and the traces with links to them, as `touched_key`; a key may come more than once.
-#}
{% macro touched_traces() -%}
    select touched_key
    from {{ ref('trace_arrivals') }}
    where {{ is_outstanding_batch('ingest_batch') }}
{%- endmacro %}
