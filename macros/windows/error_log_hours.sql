{#-
    Array of all hours that an error log may have been counted in: that of its span, and those of the
    times that its versions had.

    log_records: alias of silver.log_records.
-#}
{% macro error_log_hours(log_records) -%}
    transform(
        concat(
            coalesce({{ log_records }}.logged_at_versions, array({{ log_records }}.logged_at)),
            array(coalesce({{ log_records }}.span_started_at, {{ log_records }}.logged_at))
        ),
        moment -> {{ hour_start('moment') }}
    )
{%- endmacro %}
