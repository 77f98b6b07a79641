-- R4: percentiles from an hour's histogram are within its bound of the exact ones. Returns the
-- hours and endpoints where they are not, of those whose requests Silver still holds.
{%- set base = 2 ** (2 ** -var('latency_histogram_scale')) %}

with requests as (

    select
        {{ hour_start('started_at') }} as window_start,
        environment,
        region,
        service,
        endpoint,
        array_sort(collect_list(latency_ms)) as latencies
    from {{ ref('spans') }}
    where is_request and {{ is_tested_date('partition_date') }}
    group by 1, 2, 3, 4, 5

),

fractions as (

    select explode(array(0.5d, 0.95d, 0.99d)) as fraction

),

compared as (

    select
        counted.window_start,
        counted.service,
        counted.endpoint,
        fractions.fraction,
        greatest(
            requests.latencies[
                cast(floor(fractions.fraction * (size(requests.latencies) - 1)) as int)
            ],
            1e-6
        ) as latency_ms,
        {{ bucket_percentile('counted.latency_buckets', 'fractions.fraction') }}
            as estimated_latency_ms
    from {{ ref('endpoint_hours') }} as counted
    inner join requests
        on
            counted.window_start = requests.window_start
            and counted.environment = requests.environment
            and counted.region = requests.region
            and counted.service = requests.service
            and counted.endpoint = requests.endpoint
    cross join fractions
    where
        counted.request_count = size(requests.latencies)
        and {{ is_tested_date('counted.partition_date') }}

)

select * from compared
where abs(estimated_latency_ms / latency_ms - 1) > {{ (base - 1) / (base + 1) + 1e-9 }}
