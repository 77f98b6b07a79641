{{ config(incremental_strategy='append') }}

-- Which days each build of Silver writes to, so that closed days are compacted once they are worth
-- it, without a look at all of history (R7). `tracekeep compact` notes there what it did.
with written as (

    select distinct explode(event_dates) as partition_date
    from {{ ref('trace_arrivals') }}
    where {{ is_outstanding_batch('ingest_batch') }}

),

day_builds as (

    select
        {{ silver_build_id() }} as build_id,
        written.partition_date,
        'build' as operation
    from written
    {% if is_incremental() -%}
    left anti join {{ this }} as noted
        on
            written.partition_date = noted.partition_date
            and noted.build_id = {{ silver_build_id() }}
            and noted.operation = 'build'
    {%- endif %}

)

select * from day_builds
