{#- What emitted a log record, as text: the container of a pod, else the service. -#}
{% macro log_source(resource_attributes) -%}
    case
        when {{ resource_attributes }}['k8s.pod.name'] is not null then to_json(array(
            {{ resource_attributes }}['k8s.namespace.name'],
            {{ resource_attributes }}['k8s.pod.name'],
            {{ resource_attributes }}['k8s.container.name']
        ))
        else to_json(array(nullif({{ resource_attributes }}['service.name'], '')))
    end
{%- endmacro %}
