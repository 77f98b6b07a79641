-- R8: of the spans that bear the id of the parent one of the same service is it, then for a server
-- a client; a server has the client whose id it shares. Returns the spans with another parent.
with cases as (

    select *
    from
        values
        -- a server that shares its client's id, and spans below both that bear it
        ('shared id', 1, 'a', null, 'shop', 'client', 0),
        ('shared id', 2, 'a', null, 'pay', 'server', 1),
        ('shared id', 3, 'b', 'a', 'pay', 'internal', 2),
        ('shared id', 4, 'c', 'a', 'shop', 'internal', 1),
        -- several bear the id, all of another service
        ('several', 1, 'a', null, 'shop', 'internal', 0),
        ('several', 2, 'a', null, 'shop', 'client', 0),
        ('several', 3, 'b', 'a', 'pay', 'server', 2),
        ('several', 4, 'c', 'a', 'pay', 'internal', 1),
        -- nobody else bears the id
        ('none', 1, 'a', 'a', 'shop', 'internal', 0),
        ('none', 2, 'b', 'f', 'shop', 'internal', 0)
            as cases (trace_id, place, span_id, parent_span_id, service, kind, expected_place)

),

spans as (

    select
        *,
        kind = 'client' as is_client_side,
        kind = 'server' as is_server_side
    from cases

),

{{ span_parents('spans') }}

select
    spans.*,
    parents.parent_place
from spans
left join parents
    on
        spans.trace_id = parents.trace_id
        and spans.place = parents.place
where coalesce(parents.parent_place, 0) <> spans.expected_place
