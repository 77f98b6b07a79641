-- Warns only: a user's trace ids need not be random, which is no fault of the lake; the contract
-- lets statistics only warn (docs/contract.md). test_pipeline.py fails where this finds anything.
{{ config(severity='warn', tags=['statistics']) }}

-- R3: of each class, threshold and source of randomness the share that is kept is as likely as
-- 1 in 1e9 at least; else the ids of its traces are not random. Returns those where it is not.
with counted as (

    select
        environment,
        sample_class,
        sampling_threshold,
        randomness_source,
        cast(count(*) as double) as trace_count,
        cast(count_if(is_kept) as double) as kept_count,
        1 / max(sample_weight) as probability
    from {{ ref('traces') }}
    where sample_weight > 1 and {{ is_tested_date('partition_date') }}
    group by 1, 2, 3, 4

),

judged as (

    select
        *,
        {{ binomial_p_value('kept_count', 'trace_count', 'probability') }} as p_value
    from counted

)

select * from judged
where p_value < 1e-9
