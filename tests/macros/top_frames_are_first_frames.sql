-- The top frame is that of the first line that is a frame, whatever its form (R10).
with stacks as (

    select
        array_join(stack_lines, '\n') as stack,
        expected
    from
        values
        (
            array('TypeError: x', '    at /app/carts.js:42:17', '    at next (/app/route.js:1:1)'),
            '/app/carts.js'
        ),
        (
            array('E: x', '    at Object.handler [as get] (/app/m.js:7:9)', '    at f (/a.js:1:1)'),
            'Object.handler'
        ),
        (array('E: x', '    at async Pay.charge (/app/m.js:7:9)'), 'Pay.charge'),
        (
            array('X: y', '   at Acme.Cache`2.Find[TRule](String n) in /src/C.cs:line 9'),
            'Acme.Cache`.Find'
        ),
        (array('X: y', '   at Acme.<RunAsync>d__5`1.MoveNext()'), 'Acme.<RunAsync>d__`.MoveNext'),
        (array('java.lang.X: y', '\tat com.a.B.run(B.java:3)'), 'com.a.B.run'),
        (array('Traceback (most recent call last):', '  File "a.py", line 1, in f', 'E'), 'f'),
        (
            array(
                'goroutine 7 [running]:',
                'runtime/debug.Stack()',
                '\t/usr/stack.go:24 +0x5e',
                'shop.Recover.func1()',
                '\t/src/r.go:19',
                'panic({0x8a?, 0xc9?})',
                '\t/usr/panic.go:770',
                'shop.(*Orders).Get(0xc0)',
                '\t/src/o.go:41'
            ),
            'shop.(*Orders).Get'
        ),
        (array('goroutine 7 [running]:', 'main.handle(0xc0)', '\t/src/main.go:10'), 'main.handle'),
        (
            array('goroutine 1 gp=0xc0 m=0 mp=0x5 [running]:', 'main.pay()', '\t/src/main.go:9'),
            'main.pay'
        ),
        (
            array('pkg/shop.(*Orders).Get', '\t/src/o.go:41', 'main.main', '\t/src/main.go:9'),
            'pkg/shop.(*Orders).Get'
        ),
        (array('failed', "app/pay.rb:3:in `charge'", "app/a.rb:1:in `b'"), 'charge'),
        (array('        (pay 0.1.0) lib/pay.ex:3: Pay.charge/1'), 'Pay.charge/'),
        (array('#0 /app/src/Foo.php(12): Foo->bar()', '#1 {main}'), 'Foo->bar'),
        (
            array('stack backtrace:', '   0: rust_begin_unwind', '   1: pay::charge'),
            'pay::charge'
        ),
        (array('    (pay 0.1.0) lib/pay.ex:3: Pay.charge/1'), 'Pay.charge/'),
        (array('no frames'), cast(null as string))
            as stacks (stack_lines, expected)

),

named as (

    select
        *,
        {{ top_frame('stack', 2) }} as actual
    from stacks

)

select * from named
where not actual <=> expected
