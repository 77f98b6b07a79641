-- A workload is a pod's name without what Kubernetes adds; a peer is named by the newest convention
-- (R14).
with workloads as (

    select
        expected,
        {{ workload_name('attributes') }} as actual
    from
        values
        (map('k8s.pod.name', 'coredns-5c8b6956d4-5vvhv'), 'coredns'),
        (map('k8s.pod.name', 'coredns-5c8b6956d4-47795'), 'coredns'),
        (map('k8s.pod.name', 'postgres-0'), 'postgres'),
        (map('k8s.pod.name', 'kafka-broker-12'), 'kafka-broker'),
        (map('k8s.pod.name', 'node-exporter-sh9kk'), 'node-exporter'),
        (map('k8s.pod.name', 'train-job-3-fq9zx'), 'train-job-3'),
        (map('k8s.pod.name', 'ingress-https'), 'ingress-https'),
        (map('k8s.pod.name', 'cache-78946'), 'cache-78946')
            as pods (attributes, expected)

),

peers as (

    select
        expected,
        {{ peer_name('attributes') }} as actual
    from
        values
        ('stock', map('service.peer.name', 'stock', 'peer.service', 'old', 'server.address', 'ip')),
        ('old', map('peer.service', 'old', 'server.address', 'ip')),
        ('grpc', map('rpc.system.name', 'grpc'))
            as peers (expected, attributes)

),

named as (

    select * from workloads
    union all
    select * from peers

)

select * from named
where not actual <=> expected
