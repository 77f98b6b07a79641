-- R3: the newest policy that was valid at the first event decides, in it the most specific row.
with policies as (

    select
        collect_list(struct(
            sampling_policy_version,
            service,
            endpoint,
            sample_class,
            sampling_threshold,
            valid_from
        )) as policies
    from
        values
        (1, '*', '*', 'slow', '8', timestamp '1970-01-01 00:00:00'),
        (2, '*', '*', 'slow', 'c', timestamp '2026-02-01 00:00:00'),
        (2, 'payment', '*', 'slow', '4', timestamp '2026-02-01 00:00:00'),
        (2, 'payment', '/pay', 'slow', '0', timestamp '2026-02-01 00:00:00')
            as policies (
                sampling_policy_version, service, endpoint, sample_class, sampling_threshold,
                valid_from
            )

),

cases as (

    select
        service,
        endpoint,
        first_event_at,
        expected
    from
        values
        ('payment', '/pay', timestamp '2026-01-31 23:59:59', '8'),
        ('payment', '/pay', timestamp '2026-02-01 00:00:00', '0'),
        ('payment', '/refund', timestamp '2026-02-01 00:00:00', '4'),
        ('ledger', '/pay', timestamp '2026-02-01 00:00:00', 'c'),
        (null, null, timestamp '2026-02-01 00:00:00', 'c')
            as cases (service, endpoint, first_event_at, expected)

),

judged as (

    select
        cases.*,
        {{ sampling_policy(
            'policies.policies', "'slow'", 'cases.service', 'cases.endpoint', 'cases.first_event_at'
        ) }} as policy
    from cases
    cross join policies

)

select *
from judged
where not policy.sampling_threshold <=> expected
