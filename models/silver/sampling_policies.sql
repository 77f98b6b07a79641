{{ config(materialized='view') }}

-- Which share of the traces Gold keeps (R3). A changed policy is a new version below the old one:
-- it holds for traces whose first event is at or after its `valid_from`.
-- `*` stands for each service or endpoint; the most specific row of a version decides.
with sampling_policies as (

    select
        sampling_policy_version,
        service,
        endpoint,
        sample_class,
        sampling_threshold,
        valid_from
    from
        values
        (1, '*', '*', 'error', '0', timestamp '1970-01-01 00:00:00'),
        (1, '*', '*', 'slow', '8', timestamp '1970-01-01 00:00:00'),
        (1, '*', '*', 'normal', 'fd70a4', timestamp '1970-01-01 00:00:00')
            as policies (
                sampling_policy_version,
                service,
                endpoint,
                sample_class,
                sampling_threshold,
                valid_from
            )

)

select * from sampling_policies
