{#- Workload of a resource: its pod without the hash suffixes that Kubernetes adds; may be null. -#}
{% macro workload_name(resource_attributes) -%}
    regexp_replace(
        {{ resource_attributes }}['k8s.pod.name'],
        r'(-(?=[a-f]*[0-9])[0-9a-f]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}$',
        ''
    )
{%- endmacro %}
