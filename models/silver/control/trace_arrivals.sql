-- depends_on: {{ ref('pinned_batches') }}
{{ config(incremental_strategy='append') }}

{%- set is_outstanding = is_outstanding_batch('ingest_batch') %}
{%- set span_time =
    timestamp_from_ns('coalesce(start_time_unix_nano, end_time_unix_nano)') %}

-- What each outstanding batch touches (R6) and the days where Silver holds something of it, so that
-- the models read and rewrite these days alone (R7). Noted once, before the first of them changes
-- a table: a run that was cut short has moved rows, but not what stands here.
with arrived_spans as (

    select
        spans.ingest_batch,
        coalesce(spans.trace_id, spans.record_hash) as touched_key,
        to_date({{ span_time }}) as event_date,
        case
            when trace_id is not null and kind = 'consumer'
                then array_compact(array_distinct(links.trace_id))
        end as linked_trace_ids,
        false as is_known_by_uid
    from {{ source('bronze', 'spans') }} as spans
    where
        {{ is_outstanding }}
        and not {{ is_expired_on_arrival('spans', span_time) }}

),

arrived_log_records as (

    select
        log_records.ingest_batch,
        coalesce(log_records.trace_id, log_records.record_hash) as touched_key,
        to_date({{ timestamp_from_ns('time_unix_nano') }}) as event_date,
        cast(null as array<string>) as linked_trace_ids,
        trace_id is null and {{ record_uid('attributes') }} is not null as is_known_by_uid
    from {{ source('bronze', 'log_records') }} as log_records
    where
        {{ is_outstanding }}
        and not {{ is_expired_on_arrival('log_records', timestamp_from_ns('time_unix_nano')) }}

),

arrived_events as (

    select * from arrived_spans
    union all
    select * from arrived_log_records

),

-- one row per batch and trace, or event without a trace
arrived as (

    select
        arrived_events.ingest_batch,
        arrived_events.touched_key,
        collect_set(arrived_events.event_date) as event_dates,
        flatten(collect_set(arrived_events.linked_trace_ids)) as linked_trace_ids,
        bool_or(arrived_events.is_known_by_uid) as is_known_by_uid
    from arrived_events
    {% if is_incremental() -%}
    left anti join {{ this }} as noted
        on arrived_events.ingest_batch = noted.ingest_batch
    {%- endif %}
    group by 1, 2

),

held_traces as (

    {{ existing_rows('silver', 'traces', {
        'trace_id': 'string',
        'event_dates': 'array<date>',
        'linked_trace_ids': 'array<string>',
    }) | indent(4) }}

),

-- one row per trace and trace that it links to
held_links as (

    select
        *,
        explode(linked_trace_ids) as linked_trace_id
    from held_traces

),

held_log_records as (

    {{ existing_rows('silver', 'log_records', {
        'trace_id': 'string',
        'record_hash': 'string',
        'partition_date': 'date',
    }) | indent(4) }}

),

touched as (

    select
        ingest_batch,
        touched_key,
        event_dates,
        linked_trace_ids
    from arrived
    union all
    select
        arrived.ingest_batch,
        arrived.touched_key,
        held_traces.event_dates,
        held_traces.linked_trace_ids
    from held_traces
    inner join arrived
        on held_traces.trace_id = arrived.touched_key
    union all
    -- the calls of a trace name what its links lead to
    select
        arrived.ingest_batch,
        held_links.trace_id as touched_key,
        held_links.event_dates,
        held_links.linked_trace_ids
    from held_links
    inner join arrived
        on held_links.linked_trace_id = arrived.touched_key
    union all
    -- the times of versions of one record without a trace may be days apart if it has a uid
    select
        arrived.ingest_batch,
        arrived.touched_key,
        array(held_log_records.partition_date) as event_dates,
        cast(null as array<string>) as linked_trace_ids
    from held_log_records
    inner join arrived
        on held_log_records.record_hash = arrived.touched_key
    where held_log_records.trace_id is null and arrived.is_known_by_uid

),

-- one row per batch and touched key
totals as (

    select
        ingest_batch,
        touched_key,
        array_sort(array_distinct(flatten(collect_list(event_dates)))) as event_dates,
        array_distinct(flatten(collect_list(linked_trace_ids))) as linked_trace_ids
    from touched
    group by 1, 2

),

links as (

    select
        ingest_batch,
        touched_key,
        explode(linked_trace_ids) as linked_trace_id
    from totals

),

-- one row per batch and touched key with links to traces of Silver: the days of these
linked as (

    select
        links.ingest_batch,
        links.touched_key,
        array_sort(array_distinct(flatten(collect_set(held_traces.event_dates)))) as linked_dates
    from held_traces
    inner join links
        on held_traces.trace_id = links.linked_trace_id
    group by 1, 2

),

trace_arrivals as (

    select
        totals.ingest_batch,
        totals.touched_key,
        totals.event_dates,
        linked.linked_dates
    from totals
    left join linked
        on
            totals.ingest_batch = linked.ingest_batch
            and totals.touched_key = linked.touched_key

)

select * from trace_arrivals
