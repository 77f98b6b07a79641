{#-
    Percentile of latencies from an exponential histogram, in ms: the middle, by ratio, of the bucket
    that holds it; within a relative error of (b - 1) / (b + 1). Null for an empty histogram.

    buckets: array of structs of bucket and request_count, sorted; fraction: 0 to 1.
-#}
{% macro bucket_percentile(buckets, fraction) -%}
    {%- set base = 2 ** (2 ** -var('latency_histogram_scale')) -%}
    pow({{ base }}d, aggregate(
            {{ buckets }},
            struct(cast(null as int) as bucket, 0L as passed),
            (found, held) -> if(
                found.bucket is null
                and found.passed + held.request_count
                > {{ fraction }} * (
                    aggregate({{ buckets }}, 0L, (total, held) -> total + held.request_count) - 1
                ),
                struct(held.bucket as bucket, found.passed),
                struct(found.bucket, found.passed + held.request_count as passed)
            )
        ).bucket) * {{ 2 * base / (1 + base) }}d
{%- endmacro %}
