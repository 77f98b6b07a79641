-- R10: the pattern of each error event of Gold is in gold.error_patterns, for as long as its rule
-- is in use. Returns the fingerprints that are not.
with missing as (

    select
        error_events.fingerprint,
        count(*) as event_count
    from {{ ref('gold_error_events') }} as error_events
    left anti join {{ ref('error_patterns') }} as error_patterns
        on error_events.fingerprint = error_patterns.fingerprint
    where {{ is_tested_date('error_events.partition_date') }}
    group by 1

)

select * from missing
