{#- Literal that names this run: its start in UTC and the head of dbt's invocation id. -#}
{% macro build_id() -%}
    '{{ run_started_at.strftime('%Y%m%dT%H%M%SZ') }}-{{ invocation_id[:8] }}'
{%- endmacro %}
