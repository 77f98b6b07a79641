{#-
    Query for windows that no run has built: exact numbers of requests per window, environment,
    region, service and endpoint, from silver.spans as of any version that can be travelled to. With
    the length of gold.endpoint_minutes it gives that table's numbers of its windows with requests.
    Windows at the ends of the range hold what lies inside it. `status` is found, or expired in the
    one row of a day whose spans are gone.

    minutes: length of a window, that of Gold's if none is named. as_of: a version of silver.spans or
    a time; none for now.
-#}
{% macro endpoint_windows(from_time, to_time, minutes=none, as_of=none) -%}
    {%- set spans = ref('spans') -%}
    {%- set from_time, to_time = time_literal(from_time), time_literal(to_time) -%}
    {%- set seconds = (minutes or var('window_minutes')) | int * 60 -%}
with windows as (

    select
        timestamp_seconds(unix_seconds(started_at) div {{ seconds }} * {{ seconds }}) as window_start,
        environment,
        region,
        service,
        coalesce(endpoint, 'unknown_endpoint') as endpoint,
        count(*) as request_count,
        count_if(is_error) as error_count,
        count_if(latency_ms > {{ var('slow_request_ms') }}) as slow_count,
        count_if(is_error) / count(*) as error_rate,
        percentile(latency_ms, 0.5) as p50_latency_ms,
        percentile(latency_ms, 0.95) as p95_latency_ms,
        percentile(latency_ms, 0.99) as p99_latency_ms,
        max(latency_ms) as max_latency_ms
    from {{ spans }}{{ as_of_clause(spans, as_of) }}
    where
        is_request
        and started_at >= {{ from_time }}
        and started_at < {{ to_time }}
        and partition_date >= to_date({{ from_time }})
        and partition_date <= to_date({{ to_time }})
        and {{ is_kept('partition_date', 'silver.spans') }}
    group by 1, 2, 3, 4, 5

),

{{ told_windows('windows', 'silver.spans', from_time, to_time) }}

select * from told_windows
{%- endmacro %}
