-- R1, R6: a trace that is built again keeps its older events. On the days that the tested builds
-- wrote to, Silver holds as many rows of each older ingest batch as when all tests held last; of
-- errors no fewer, as a new version may add one. Returns the batches that have lost or gained rows.
-- A look at everything needs none of this: the books and Bronze tell what has to be there.

with held as (
    {%- for name in ['spans', 'log_records', 'error_events'] %}
    {%- set version = tested_version('silver.' ~ name) %}

    select
        '{{ name }}' as silver_table,
        ingest_batch,
        1 as held_count,
        0 as earlier_count
    from {{ ref(name) }}
    where {{ is_tested_date('partition_date') if version is not none else 'false' }}
    union all
    select
        '{{ name }}' as silver_table,
        ingest_batch,
        0 as held_count,
        1 as earlier_count
    from {{ ref(name) }} {{ 'version as of ' ~ version if version is not none }}
    where {{ is_tested_date('partition_date') if version is not none else 'false' }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}

),

wrong as (

    select
        silver_table,
        ingest_batch,
        sum(held_count) as held_count,
        sum(earlier_count) as earlier_count
    from held
    where not {{ is_tested_batch('ingest_batch') }}
    group by 1, 2
    having
        sum(held_count) < sum(earlier_count)
        or (silver_table <> 'error_events' and sum(held_count) > sum(earlier_count))

)

select * from wrong
