-- R3: keep if R >= T. Returns the cases that the macros judge otherwise.
with cases as (

    select
        randomness_case,
        trace_id,
        trace_state,
        sampling_threshold,
        expected_is_kept,
        expected_weight
    from
        values
        ('half', '4bf92f3577b34da6a3ce929d0e0e4736', null, '8', true, 2d),
        (
            'hundredth', '4bf92f3577b34da6a3ce929d0e0e4736', null, 'fd70a4', false,
            100.00009536752259d
        ),
        ('all', '4bf92f3577b34da6a300000000000000', null, '0', true, 1d),
        ('equal', '4bf92f3577b34da6a380000000000000', null, '8', true, 2d),
        ('just below', '4bf92f3577b34da6a37fffffffffffff', null, '8', false, 2d),
        ('rv decides', '4bf92f3577b34da6a3ce929d0e0e4736', 'ot=rv:00000000000000', '8', false, 2d),
        (
            'rv keeps', '4bf92f3577b34da6a300000000000000', 'a=b,ot=th:8;rv:fe000000000000',
            'fd70a4', true, 100.00009536752259d
        ),
        ('rv malformed', '4bf92f3577b34da6a3ce929d0e0e4736', 'ot=rv:FE000000000000', '8', true, 2d),
        ('rv too short', '4bf92f3577b34da6a3ce929d0e0e4736', 'ot=rv:0000', '8', true, 2d)
            as cases (
                randomness_case, trace_id, trace_state, sampling_threshold, expected_is_kept,
                expected_weight
            )

),

randomised as (

    select
        *,
        {{ trace_randomness(tracestate_value('trace_state', 'rv'), 'trace_id', "'production'") }}
            as randomness
    from cases

),

judged as (

    select
        *,
        {{ is_sampled('randomness', 'sampling_threshold') }} as is_kept,
        {{ sampling_weight('sampling_threshold') }} as weight
    from randomised

)

select *
from judged
where
    not is_kept <=> expected_is_kept
    or abs(weight - expected_weight) > 1e-9
    or weight is null
