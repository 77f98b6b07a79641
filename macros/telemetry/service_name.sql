{#- Service that a resource names, else its workload: a pod without its hash suffixes; may be null. -#}
{% macro service_name(resource_attributes) -%}
    nullif({{ resource_attributes }}['service.name'], '')
{%- endmacro %}


{% macro workload_name(resource_attributes) -%}
    regexp_replace(
        {{ resource_attributes }}['k8s.pod.name'],
        r'(-[0-9a-f]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}$',
        ''
    )
{%- endmacro %}
