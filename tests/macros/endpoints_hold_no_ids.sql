-- An endpoint is a route, an RPC method, a destination or a name without ids (R14).
with cases as (

    select
        attributes,
        name,
        expected
    from
        values
        (map('http.route', '/orders/{id}'), 'GET /orders/1', '/orders/{id}'),
        (map('rpc.service', 'pay.Bank', 'rpc.method', 'Charge'), 'x', 'pay.Bank/Charge'),
        (map('messaging.destination.name', 'payments'), 'payments publish', 'payments'),
        (map(), 'GET /orders/4711/lines/8', '/orders/{id}/lines/{id}'),
        (map(), 'GET /carts/3f2504e0-4f89-11d3-9a0c-0305e82c3301?x=1', '/carts/{id}'),
        (map(), 'oteldemo.CartService/AddItem', 'oteldemo.CartService/AddItem'),
        (map(), 'GET /v1/users', '/v1/users'),
        (map(), 'GET /v1/merchants/m_11550', '/v1/merchants/m_{id}'),
        (map(), 'GET /v2/users/u633757045/orders/ORD-17', '/v2/users/u{id}/orders/ORD-{id}'),
        (map(), 'POST /sha256/x_1/b3', '/sha256/x_1/b3'),
        (map(), 'GET /orders/01HZX7K3QW9PR5VB2NM8AS4DFG/items', '/orders/{id}/items'),
        (map(), 'GET /files/2FQpXc7yRk4WzT9bVnMaLe0JhGd', '/files/{id}'),
        (map(), 'GET /s/V1StGXR8_Z5jdHi6B-myT', '/s/{id}'),
        (map(), 'GET /v1/customers/cus_4QFJ2ab7XkPq', '/v1/customers/cus_{id}'),
        -- hexadecimal without a digit; no English word has eight letters up to f
        (map(), 'GET /v1/payments/cbaddbae', '/v1/payments/{id}'),
        (map(), 'GET /facade/feedback', '/facade/feedback'),
        (map(), 'GET /users/user_01h455vb4pex5vsknk084sn02q', '/users/user_{id}'),
        (map(), 'GET /invoices/inv_k7m2x9q4w1z8r5t3', '/invoices/inv_{id}'),
        (map(), 'GET /users/user_3f2504e0-4f89-11d3-9a0c-0305e82c3301', '/users/{id}'),
        (map(), 'GET /reports/2026-01-12T10:00:00Z/lines', '/reports/{id}/lines'),
        (map(), 'GET /days/2026-01-12', '/days/{id}'),
        (map(), 'POST /oauth2/v2.0/token', '/oauth2/v2.0/token'),
        (map('http.route', '/items/{id?}/sub'), 'x', '/items/{id?}/sub'),
        (map('rpc.service', 'a.B', 'rpc.method', 'ConvertMp3ToMp4'), 'x', 'a.B/ConvertMp3ToMp4'),
        (map('rpc.service', '', 'rpc.method', 'a.B/C'), 'x', 'a.B/C'),
        (map(), 'GET /oauth2callback/base64encoded', '/oauth2callback/base64encoded'),
        (map(), 'spring.gen-t5DdsV0tTdPBu0xKk7_8_A process', 'spring.gen-{id} process'),
        (
            map('messaging.destination.template', 'of-{id}', 'messaging.destination.name', 'of-a'),
            'x',
            'of-{id}'
        ),
        (
            map('messaging.destination.anonymous', 'true', 'messaging.destination.name', 'q-x'),
            'x',
            '(anonymous)'
        ),
        (map(), 'GET', 'GET'),
        (map('http.route', ''), 'SELECT orders', 'SELECT orders')
            as cases (attributes, name, expected)

),

named as (

    select
        *,
        {{ endpoint_name('attributes', 'name') }} as actual
    from cases

)

select
    name,
    expected,
    actual
from named
where not actual <=> expected
