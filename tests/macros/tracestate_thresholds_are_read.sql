-- R3: a `th` of tracestate is 1 to 14 lowercase hex digits of the ot entry; all else is not stated.
with cases as (

    select
        trace_state,
        expected
    from
        values
        ('ot=th:8', '8'),
        ('ot=th:0', '0'),
        ('vendor=th:c,ot=rv:00000000000000;th:fd70a4', 'fd70a4'),
        (' ot=th:8 , b=c', '8'),
        ('ot=th:C', null),
        ('ot=th:', null),
        ('ot=th:123456789012345', null),
        ('vendor=th:8', null),
        ('xot=th:8', null),
        ('', null),
        (null, null)
            as cases (trace_state, expected)

),

read as (

    select
        *,
        {{ tracestate_value('trace_state', 'th') }} as actual
    from cases

)

select *
from read
where not actual <=> expected
