{#- Query for the changes that the outstanding batches bring news of (R6), as `touched_key`. -#}
{% macro touched_changes() -%}
    select change_key as touched_key
    from {{ ref('stg_changes') }}
    where {{ is_outstanding_batch('ingest_batch') }}
{%- endmacro %}
