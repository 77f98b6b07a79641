{#- Unique id that the producer gave a log record; null for none. -#}
{% macro record_uid(attributes) -%}
    nullif({{ attributes }}['log.record.uid'], '')
{%- endmacro %}
