{#- Deployment environment that a resource names, by the new or old convention; else unknown. -#}
{% macro environment_name(resource_attributes) -%}
    coalesce(
        nullif({{ resource_attributes }}['deployment.environment.name'], ''),
        nullif({{ resource_attributes }}['deployment.environment'], ''),
        'unknown'
    )
{%- endmacro %}
