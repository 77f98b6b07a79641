{#- Service that a resource names; null where it names none. -#}
{% macro service_name(resource_attributes) -%}
    nullif({{ resource_attributes }}['service.name'], '')
{%- endmacro %}
