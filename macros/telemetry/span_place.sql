{#- Place of a span in its trace, from 1: by start, then id, then what tells equal ids apart. -#}
{% macro span_place(spans) -%}
    row_number() over (
            partition by {{ spans }}.trace_id
            order by
                {{ spans }}.started_at,
                {{ spans }}.started_at_ns,
                {{ spans }}.span_id,
                {{ spans }}.record_hash,
                {{ spans }}.service,
                {{ spans }}.kind in ('server', 'consumer')
        )
{%- endmacro %}
