{#-
    Dictionary of the table properties that a layer's time travel needs: Delta refuses a version that
    is older than the first, and forgets it after the second (R11).

    layer: bronze, silver or gold; control goes by silver.
-#}
{% macro travel_windows(layer) -%}
    {%- set kept_as = 'silver' if layer == 'control' else layer -%}
    {%- set interval = 'interval ' ~ var(kept_as ~ '_travel_days') ~ ' days' -%}
    {{ return({
        'delta.deletedFileRetentionDuration': interval,
        'delta.logRetentionDuration': interval,
    }) }}
{%- endmacro %}
