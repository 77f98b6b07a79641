{#-
    Bucket of OpenTelemetry's exponential histogram that a latency in ms falls into: bucket i holds
    what is above b^i and at most b^(i+1), where b = 2^(2^-scale) by the variable
    `latency_histogram_scale`. Less than 1 ns counts as 1 ns.
-#}
{% macro latency_bucket(latency_ms) -%}
    {%- set buckets = 2 ** var('latency_histogram_scale') -%}
    cast(ceil(log2(greatest({{ latency_ms }}, 1e-6)) * {{ buckets }}) - 1 as int)
{%- endmacro %}
