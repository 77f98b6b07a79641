-- What the sample shows of all traces, beside a uniform sample of as many: which share of the
-- endpoints, of the shapes of traces and of the error patterns is in it, and how evenly (Shannon
-- entropy in bits). `dbt show --select sampling_quality`; one row per kind and sample.
with traces as (

    select
        trace_id,
        services,
        endpoint,
        is_kept,
        row_number() over (order by randomness desc, trace_id asc) as place,
        count_if(is_kept) over () as kept_count
    from {{ ref('traces') }}

),

-- one row per trace and thing that it shows
items as (

    select distinct
        trace_id,
        'endpoint' as kind,
        concat(service, ' ', endpoint) as item
    from {{ ref('spans') }}
    where is_request and trace_id is not null
    union all
    select
        trace_id,
        'trace shape' as kind,
        to_json(struct(endpoint, services)) as item
    from traces
    union all
    select distinct
        trace_id,
        'error pattern' as kind,
        fingerprint as item
    from {{ ref('gold_error_events') }}
    where trace_id is not null

),

samples as (

    select
        trace_id,
        'kept' as sample_name
    from traces
    where is_kept
    union all
    select
        trace_id,
        'uniform' as sample_name
    from traces
    where place <= kept_count

),

shown as (

    select
        samples.sample_name,
        items.kind,
        items.item,
        count(*) as trace_count
    from samples
    inner join items
        on samples.trace_id = items.trace_id
    group by 1, 2, 3

),

shares as (

    select
        *,
        trace_count / sum(trace_count) over (partition by sample_name, kind) as trace_share
    from shown

),

totals as (

    select
        kind,
        count(distinct item) as item_count
    from items
    group by 1

),

sampling_quality as (

    select
        totals.kind,
        shares.sample_name,
        totals.item_count,
        count(shares.item) as shown_count,
        count(shares.item) / totals.item_count as coverage,
        abs(sum(shares.trace_share * log2(shares.trace_share))) as entropy
    from totals
    left join shares
        on totals.kind = shares.kind
    group by 1, 2, 3

)

select * from sampling_quality
order by 1, 2
