-- R15: what no column could take is named, and nothing else. Returns the cases that are wrong.
with cases as (

    select
        attributes,
        expected
    from
        values
        (map('http.status_code', '200', 'other', 'x'), array()),
        (map('http.status_code', 'teapot'), array('http.status_code')),
        (map('http.status_code', ''), array()),
        (map('tracekeep.unreadable.kind', 'ROBOT'), array('kind')),
        (
            map('tracekeep.unreadable.kind', 'ROBOT', 'http.status_code', '2x'),
            array('http.status_code', 'kind')
        )
            as cases (attributes, expected)

),

wrong as (

    select *
    from cases
    where not {{ unreadable_attributes('attributes', {
        'http.status_code': whole_number("attributes['http.status_code']"),
    }) }} <=> expected

)

select * from wrong
