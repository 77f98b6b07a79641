-- Errors that differ only in their values have one template; others have two (R10). A pair a row.
with pairs as (

    select
        one,
        other,
        is_same
    from
        values
        ('relation »orders« is gone', 'relation »carts« is gone', true),
        ('cannot open “a b”', 'cannot open “c”', true),
        ('cannot open 「a」', 'cannot open 「b」', true),
        ('no file /var/lib/a', 'no file /srv/b/c', true),
        (r'no file C:\a\b.txt, code 1', r'no file D:\c.txt, code 1', true),
        ('fail: A.B[0]\n      declined 1', 'declined 2', true),
        ('only 51.4 B free', 'only 5.2 KB free', true),
        ('took 5 seconds', 'took 12 ms', true),
        ('state=open', 'state=closed', true),
        ('at Sun Jul 3 10:00:00 2026', 'at Mon Aug 14 11:22:33 2026', true),
        ('{"code":1,"why":"a"}', '{"code":2,"why":"b"}', true),
        ('{"code":1,"why":"a"}', '{"state":1,"why":"a"}', false),
        ('{"log":{"message":"declined"},"id":1}', '{"log":{"message":"declined"},"id":2}', true),
        ('{"fields":{"message":"declined"}}', '{"fields":{"message":"out of balance"}}', false),
        ('disk is full', 'disk is gone', false)
            as pairs (one, other, is_same)

),

templated as (

    select
        *,
        {{ error_template('one', 2) }} as first_template,
        {{ error_template('other', 2) }} as second_template
    from pairs

)

select * from templated
where (first_template = second_template) <> is_same
