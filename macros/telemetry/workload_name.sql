{#-
    Workload of a resource: its pod without what Kubernetes adds, which is hashes, or a stateful set's
    ordinal; may be null.
-#}
{% macro workload_name(resource_attributes) -%}
    regexp_replace(
        {{ resource_attributes }}['k8s.pod.name'],
        r'(?<=.)(?:(?:-(?=[a-f]*[0-9])[0-9a-f]{6,10}-|-(?![0-9]{5}$))(?!https$|mqtts$)[bcdfghjklmnpqrstvwxz2456789]{5}|-[0-9]{1,4})$',
        ''
    )
{%- endmacro %}
