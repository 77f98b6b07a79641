{#-
    Fingerprint of an error (R10), 16 hex digits: rule version, service, type, template, top frame.
-#}
{% macro error_fingerprint(version, service, error_type, template, top_frame) -%}
    left(sha2(to_json(struct(
            {{ version }} as version,
            {{ service }} as service,
            {{ error_type }} as error_type,
            {{ template }} as template,
            {{ top_frame }} as top_frame
        )), 256), 16)
{%- endmacro %}
