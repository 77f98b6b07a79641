-- depends_on: {{ ref('trace_arrivals') }}
{{ config(
    partition_by='partition_date',
    touched='trace_arrivals',
    touched_key=['trace_id'],
) }}

-- Over 200 lines: three kinds of calls are found in one tree. A table in between
-- would be one more write in each run.

with {% if is_incremental() -%}
touched_traces as (

    select touched_key from {{ ref('trace_arrivals') }}

),

{% endif -%}
-- each span with its place in its trace, from 1
spans as (

    select
        spans.trace_id,
        spans.span_id,
        spans.parent_span_id,
        spans.record_hash,
        spans.service,
        spans.endpoint,
        spans.kind,
        spans.environment,
        spans.region,
        spans.links,
        spans.latency_ms,
        spans.is_error,
        spans.started_at,
        coalesce(spans.kind in ('client', 'producer'), false) as is_client_side,
        coalesce(spans.kind in ('server', 'consumer'), false) as is_server_side,
        {{ peer_name('spans.attributes') }} as peer,
        case
            when spans.attributes['db.system.name'] <> '' or spans.attributes['db.system'] <> ''
                then 'database'
            when spans.attributes['messaging.system'] <> '' then 'queue'
            else 'external'
        end as peer_type,
        {{ span_place('spans') }} as place
    from {{ ref('spans') }} as spans
    {% if is_incremental() -%}
    left semi join touched_traces
        on spans.trace_id = touched_traces.touched_key
    {%- endif %}
    where
        spans.trace_id is not null
        {%- if is_incremental() %}
        and spans.partition_date in {{ touched_dates() }}
        {%- endif %}

),

span_lists as (

    select
        spans.trace_id,
        array_sort(collect_list(struct(
            spans.place,
            spans.span_id,
            spans.parent_span_id,
            spans.record_hash,
            spans.service,
            spans.endpoint,
            spans.kind,
            spans.environment,
            spans.region,
            spans.latency_ms,
            spans.is_error,
            spans.started_at,
            spans.is_client_side,
            spans.is_server_side,
            -- links of other spans than consumers make no calls
            coalesce(
                spans.kind = 'consumer' and exists(
                    spans.links, link -> link.trace_id is not null and link.span_id is not null
                ),
                false
            ) as has_sender
        ))) as spans
    from spans
    group by 1

),

-- one row per trace: its spans in their order, and where the parent of each is. The parents join
-- once a trace is one row: with each span the array would be as often there as it is long
trees as (

    select
        span_lists.trace_id,
        span_lists.spans,
        traces.parent_places
    from span_lists
    inner join {{ ref('traces') }} as traces
        on span_lists.trace_id = traces.trace_id
    {% if is_incremental() -%}
    where traces.partition_date in {{ touched_dates() }}
    {%- endif %}

),

climbed as (

    select
        *,
        -- up over internal spans: where each span's way meets another kind, or ends
        {{ root_of_pointers("transform(spans, span -> if(
                element_at(parent_places, span.place) > 0
                and (span.kind is null or span.kind = 'internal'),
                element_at(parent_places, span.place),
                span.place
            ))") }} as ends,
        -- up within the service: its topmost span
        {{ root_of_pointers("transform(spans, span -> if(
                element_at(parent_places, span.place) > 0
                and element_at(spans, element_at(parent_places, span.place)).service
                    = span.service,
                element_at(parent_places, span.place),
                span.place
            ))") }} as entries
    from trees

),

-- where the parent of each span's topmost one stands: the nearest span of another service
left_behind as (

    select
        *,
        transform(entries, entry -> element_at(parent_places, entry)) as nearest_places
    from climbed

),

-- one row per span that received a request, and who may have sent it
received as (

    select
        trace_id,
        inline(transform(
            filter(spans, span -> span.is_server_side or span.kind is null),
            span -> named_struct(
                'target', span,
                'parent_place', element_at(parent_places, span.place),
                'client', if(
                    span.is_server_side and element_at(parent_places, span.place) > 0,
                    element_at(spans, element_at(ends, element_at(parent_places, span.place))),
                    null
                ),
                'nearest', if(
                    element_at(nearest_places, span.place) > 0,
                    element_at(spans, element_at(nearest_places, span.place)),
                    null
                )
            )
        )) as (target, parent_place, client, nearest)
    from left_behind

),

called as (

    select
        trace_id,
        target,
        parent_place,
        case
            when client.is_client_side then client
            -- a span of unknown kind receives a request where its own parent is elsewhere
            when
                nearest.service <> target.service
                and (target.is_server_side or nearest.place = parent_place)
                then nearest
        end as caller
    from received

),

direct_calls as (

    select
        trace_id,
        case when caller is not null then trace_id end as source_trace_id,
        target.place,
        caller.span_id as source_span_id,
        coalesce(caller.service, 'external') as source_service,
        coalesce(caller.is_client_side, false) as is_client_known,
        caller.latency_ms as source_latency_ms,
        -- what waited for the target: of a message nothing did
        case
            when
                (caller.is_client_side or caller.place = parent_place)
                and not target.kind <=> 'consumer'
                then caller.latency_ms
        end as waited_ms,
        caller.is_error as is_source_error,
        caller.started_at as source_started_at,
        false as is_linked
    from called
    where
        caller is not null
        or (parent_place = 0 and target.parent_span_id is null and not target.has_sender)

),

-- one row per consumer span and span that it has a link to
links as (

    select distinct
        spans.trace_id,
        spans.place,
        link.trace_id as source_trace_id,
        link.span_id as source_span_id
    from spans
        lateral view explode(spans.links) as link
    where
        spans.kind = 'consumer'
        and link.trace_id is not null
        and link.span_id is not null

),

-- what links lead to, in any trace
linked_spans as (

    select
        spans.trace_id,
        spans.span_id,
        min_by(
            struct(spans.service, spans.latency_ms, spans.is_error, spans.started_at),
            struct(
                not coalesce(spans.kind in ('producer', 'client'), false),
                spans.started_at,
                spans.started_at_ns,
                spans.service
            )
        ) as span
    from {{ ref('spans') }} as spans
    left semi join links
        on
            spans.trace_id = links.source_trace_id
            and spans.span_id = links.source_span_id
    {% if is_incremental() -%}
    where spans.partition_date in {{ touched_dates(and_linked=true) }}
    {%- endif %}
    group by 1, 2

),

linked_calls as (

    select
        links.trace_id,
        links.source_trace_id,
        links.place,
        links.source_span_id,
        coalesce(linked_spans.span.service, 'unknown_service') as source_service,
        linked_spans.span is not null as is_client_known,
        linked_spans.span.latency_ms as source_latency_ms,
        cast(null as double) as waited_ms,
        linked_spans.span.is_error as is_source_error,
        linked_spans.span.started_at as source_started_at,
        true as is_linked
    from links
    left join linked_spans
        on
            links.source_trace_id = linked_spans.trace_id
            and links.source_span_id = linked_spans.span_id
    left anti join direct_calls
        on
            links.trace_id = direct_calls.trace_id
            and links.place = direct_calls.place
            and links.source_trace_id = direct_calls.source_trace_id
            and links.source_span_id = direct_calls.source_span_id

),

answered_calls as (

    select * from direct_calls
    union all
    select * from linked_calls

),

calls_of_services as (

    select
        calls.trace_id,
        calls.source_trace_id,
        calls.source_span_id,
        targets.span_id as target_span_id,
        targets.record_hash,
        calls.source_service,
        targets.service as target_service,
        'service' as target_type,
        targets.endpoint,
        targets.kind,
        targets.environment,
        targets.region,
        case when calls.is_client_known then calls.source_latency_ms end as client_latency_ms,
        targets.latency_ms as server_latency_ms,
        case
            when calls.waited_ms is not null
                then round(greatest(calls.waited_ms - targets.latency_ms, 0), 3)
        end as wait_ms,
        case when calls.is_client_known then calls.is_source_error end as is_client_error,
        targets.is_error as is_server_error,
        calls.is_linked,
        -- 'external' has no span that could be missing
        calls.source_trace_id is not null and not calls.is_client_known as client_missing,
        case when calls.is_client_known then calls.source_started_at end as client_started_at,
        targets.started_at as server_started_at
    from answered_calls as calls
    inner join spans as targets
        on
            calls.trace_id = targets.trace_id
            and calls.place = targets.place

),

-- client spans that no server span answers
calls_of_peers as (

    select
        spans.trace_id,
        spans.trace_id as source_trace_id,
        spans.span_id as source_span_id,
        cast(null as string) as target_span_id,
        spans.record_hash,
        spans.service as source_service,
        spans.peer as target_service,
        spans.peer_type as target_type,
        spans.endpoint,
        spans.kind,
        spans.environment,
        spans.region,
        spans.latency_ms as client_latency_ms,
        cast(null as double) as server_latency_ms,
        cast(null as double) as wait_ms,
        spans.is_error as is_client_error,
        cast(null as boolean) as is_server_error,
        false as is_linked,
        false as client_missing,
        spans.started_at as client_started_at,
        cast(null as timestamp) as server_started_at
    from spans
    left anti join called
        on
            spans.trace_id = called.trace_id
            and spans.place = called.caller.place
    where spans.is_client_side and spans.peer is not null

),

all_calls as (

    select * from calls_of_services
    union all
    select * from calls_of_peers

),

service_calls as (

    select
        trace_id,
        source_trace_id,
        source_span_id,
        target_span_id,
        record_hash,
        source_service,
        target_service,
        target_type,
        endpoint,
        kind,
        environment,
        region,
        coalesce(client_latency_ms, server_latency_ms) as latency_ms,
        client_latency_ms,
        server_latency_ms,
        wait_ms,
        coalesce(is_client_error, false) or coalesce(is_server_error, false) as is_error,
        is_client_error,
        is_server_error,
        source_service = target_service as is_self_call,
        is_linked,
        client_missing,
        coalesce(client_started_at, server_started_at) as started_at,
        server_started_at,
        to_date(coalesce(server_started_at, client_started_at)) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_build_id() }} as build_id
    from all_calls

)

select * from service_calls
