{#-
    Query for the keys that a model deletes and inserts in this run, as `touched_key`; a key may come
    more than once.

    touched: the model's configuration: touched_traces, touched_changes, or a model of control.
-#}
{% macro touched_keys(touched) -%}
    {%- if touched == 'touched_traces' -%}
        {{ touched_traces() }}
    {%- elif touched == 'touched_changes' -%}
        {{ touched_changes() }}
    {%- else -%}
        select touched_key from {{ existing_table('control', touched) }}
    {%- endif -%}
{%- endmacro %}
