-- depends_on: {{ ref('changed_traces') }}, {{ ref('changed_days') }}
{{ config(
    partition_by='partition_date',
    touched='changed_traces',
    touched_dates=true,
    touched_key=['trace_id'],
) }}

-- Over 200 lines: the tree of a trace is made once for its paths and its critical path. A place is
-- the position of a span in its trace, from 1; 0 is none.
{%- set dates = changed_dates() if is_incremental() %}
{%- set step_columns = {
    'span_id': 'string',
    'parent_span_id': 'string',
    'service': 'string',
    'endpoint': 'string',
    'operation': 'string',
    'kind': 'string',
    'latency_ms': 'double',
    'status_code': 'string',
    'http_status_code': 'int',
    'rpc_status_code': 'int',
    'is_error': 'boolean',
    'error_message': 'string',
} %}

with traces as (

    select traces.*
    from {{ ref('traces') }} as traces
    {% if is_incremental() -%}
    left semi join {{ ref('changed_traces') }} as changed_traces
        on traces.trace_id = changed_traces.touched_key
    where traces.partition_date in {{ dates }}
    {%- endif %}

),

error_traces as (

    select * from traces
    where sample_class = 'error'

),

-- each span with its place in its trace, from 1
spans as (

    select
        spans.*,
        coalesce(spans.kind in ('client', 'producer'), false) as is_client_side,
        {{ nanoseconds('spans.started_at', 'spans.started_at_ns') }} as started_ns,
        {{ span_place('spans') }} as place
    from {{ ref('spans') }} as spans
    left semi join error_traces
        on spans.trace_id = error_traces.trace_id
    {% if is_incremental() -%}
    where spans.partition_date in {{ dates }}
    {%- endif %}

),

log_records as (

    select log_records.*
    from {{ ref('log_records') }} as log_records
    {% if is_incremental() -%}
    where log_records.partition_date in {{ dates }}
    {%- endif %}

),

error_logs as (

    select
        log_records.trace_id,
        log_records.span_id,
        log_records.service,
        {{ nanoseconds('log_records.logged_at', 'log_records.logged_at_ns') }} as logged_ns,
        log_records.error_type,
        coalesce(log_records.error_message, log_records.body) as error_message
    from log_records
    left semi join error_traces
        on log_records.trace_id = error_traces.trace_id
    where log_records.is_error

),

-- one row per trace, span id and service of error logs: their first, and the span that carries them
carried_logs as (

    select
        error_logs.trace_id,
        error_logs.span_id,
        error_logs.service,
        min(struct(
            error_logs.logged_ns,
            error_logs.service,
            error_logs.error_message,
            error_logs.error_type
        )) as log,
        min(struct(spans.service <> error_logs.service as is_elsewhere, spans.place)).place as place
    from error_logs
    left join spans
        on
            error_logs.trace_id = spans.trace_id
            and error_logs.span_id = spans.span_id
    group by 1, 2, 3

),

-- one row per span that carries an error log
failing_logs as (

    select
        trace_id,
        place,
        min(log) as log
    from carried_logs
    where place is not null
    group by 1, 2

),

-- one row per trace with error logs whose span is missing
lost_logs as (

    select
        trace_id,
        min(log) as log
    from carried_logs
    where place is null
    group by 1

),

span_lists as (

    select
        spans.trace_id,
        array_sort(collect_list(struct(
            spans.place,
            spans.span_id,
            spans.parent_span_id,
            spans.service,
            spans.endpoint,
            spans.operation,
            spans.kind,
            spans.status_code,
            spans.http_status_code,
            spans.rpc_status_code,
            spans.latency_ms,
            spans.is_error,
            spans.is_error or failing_logs.place is not null as is_failing,
            coalesce(spans.error_type, failing_logs.log.error_type) as error_type,
            coalesce(
                spans.error_message, spans.status_message, failing_logs.log.error_message
            ) as error_message,
            case when spans.is_client_side then {{ peer_name('spans.attributes') }} end as peer,
            spans.started_ns,
            spans.started_ns + {{ latency_ns('spans.latency_ms') }} as ended_ns
        ))) as spans
    from spans
    left join failing_logs
        on
            spans.trace_id = failing_logs.trace_id
            and spans.place = failing_logs.place
    group by 1

),

-- one row per trace: its spans in their order, and where the parent of each is. The parents join
-- once a trace is one row: with each span the array would be as often there as it is long
trees as (

    select
        span_lists.trace_id,
        span_lists.spans,
        error_traces.parent_places as told_parent_places
    from span_lists
    inner join error_traces
        on span_lists.trace_id = error_traces.trace_id

),

cut_trees as (

    select
        *,
        {{ cycle_roots('told_parent_places') }} as cuts
    from trees

),

rooted_trees as (

    select
        cut_trees.*,
        transform(cut_trees.told_parent_places, (parent, position) -> if(
            array_contains(cut_trees.cuts, cast(position + 1 as int)), 0, parent
        )) as parent_places,
        array_min(transform(
            filter(cut_trees.spans, span -> span.parent_span_id is null),
            span -> struct(span.started_ns, span.span_id is null as is_nameless, span.place)
        )).place as root_place,
        size(filter(cut_trees.spans, span -> span.parent_span_id is null)) as root_count,
        lost_logs.log is not null as is_log_lost
    from cut_trees
    left join lost_logs
        on cut_trees.trace_id = lost_logs.trace_id

),

-- per span: its topmost ancestor, its depth, and the time range shared by the whole chain
climbed_trees as (

    select
        *,
        -- the span that gets error logs whose own span is missing
        coalesce(root_place, 1) as entry_place,
        aggregate(
            sequence(1, {{ log2_rounds('parent_places') }}),
            transform(spans, span -> struct(
                element_at(parent_places, span.place) as up,
                span.place as top_place,
                1 as depth,
                span.started_ns,
                span.ended_ns
            )),
            (climbed, turn) -> transform(climbed, span -> if(span.up = 0, span, struct(
                element_at(climbed, span.up).up as up,
                element_at(climbed, span.up).top_place as top_place,
                span.depth + element_at(climbed, span.up).depth as depth,
                greatest(span.started_ns, element_at(climbed, span.up).started_ns) as started_ns,
                least(span.ended_ns, element_at(climbed, span.up).ended_ns) as ended_ns
            )))
        ) as ways,
        -- up from each span to the nearest one whose parent fails
        {{ root_of_pointers("transform(spans, span -> case
                when element_at(parent_places, span.place) = 0 then 0
                when element_at(spans, element_at(parent_places, span.place)).is_failing
                    then span.place
                else element_at(parent_places, span.place)
            end)") }} as below_failing
    from rooted_trees

),

-- where paths end: failing spans below which none fails, and the span that gets error logs whose
-- own span is missing; the deepest first
trees_with_ends as (

    select
        *,
        transform(ways, way -> greatest(way.ended_ns - way.started_ns, 0L)) as lengths,
        array_sort(transform(
            array_union(
                array_except(
                    transform(filter(spans, span -> span.is_failing), span -> span.place),
                    transform(
                        filter(
                            spans,
                            span -> span.is_failing and element_at(below_failing, span.place) > 0
                        ),
                        span -> element_at(parent_places, element_at(below_failing, span.place))
                    )
                ),
                case when is_log_lost then array(entry_place) else array() end
            ),
            place -> struct(-element_at(ways, place).depth as height, place)
        )) as ends
    from climbed_trees

),

-- children that the critical path of their parent takes: from its end back, the last that finishes
-- before what was taken begins; each with what it and those before it take of the parent
trees_with_last_children as (

    select
        *,
        aggregate(
            array_sort(transform(
                filter(
                    spans,
                    span -> if(
                        element_at(parent_places, span.place) > 0,
                        element_at(lengths, span.place),
                        0
                    ) > 0
                ),
                span -> struct(
                    element_at(parent_places, span.place) as parent_place,
                    -element_at(ways, span.place).ended_ns as back_to,
                    -element_at(ways, span.place).started_ns as back_from,
                    span.place
                )
            )),
            struct(
                0 as parent_place,
                0L as back_to,
                cast(array() as array<struct<parent_place: int, place: int, taken_ns: bigint>>)
                as taken
            ),
            (picked, child) -> if(
                child.back_to >= if(
                    child.parent_place = picked.parent_place,
                    picked.back_to,
                    -element_at(ways, child.parent_place).ended_ns
                ),
                struct(
                    child.parent_place as parent_place,
                    child.back_from as back_to,
                    concat(picked.taken, array(struct(
                        child.parent_place as parent_place,
                        child.place as place,
                        element_at(lengths, child.place) + if(
                            child.parent_place = picked.parent_place,
                            element_at(picked.taken, -1).taken_ns,
                            0L
                        ) as taken_ns
                    ))) as taken
                ),
                picked
            )
        ).taken as taken
    from trees_with_ends

),

-- each place, and behind it once more that of a child that is taken
trees_with_marks as (

    select
        *,
        array_sort(concat(
            transform(spans, span -> struct(span.place, false as is_taken)),
            transform(taken, child -> struct(child.place, true as is_taken))
        )) as marks
    from trees_with_last_children

),

-- from each child that is taken to its parent, or to itself below the root
trees_with_next_places as (

    select
        *,
        array_compact(transform(marks, (mark, position) -> case
            when mark.is_taken then null
            when not coalesce(get(marks, position + 1).is_taken, false) then 0
            when element_at(parent_places, mark.place) = entry_place then mark.place
            else element_at(parent_places, mark.place)
        end)) as next_places
    from trees_with_marks

),

-- of these children, those that the root leads to: all of the critical path but the root. An array
-- that a lambda function reads and nothing else is computed again for each element, so they are
-- zipped
trees_with_critical_places as (

    select
        *,
        array_compact(zip_with(
            spans,
            {{ root_of_pointers('next_places') }},
            (span, anchor) -> if(anchor > 0, span.place, null)
        )) as critical_places
    from trees_with_next_places

),

-- each span of the critical path, and behind a span what its children take of it
trees_with_critical_marks as (

    select
        *,
        array_sort(concat(
            array(struct(entry_place as place, 0L as taken_ns)),
            transform(critical_places, place -> struct(place as place, 0L as taken_ns)),
            transform(
                filter(
                    taken,
                    (child, position) -> not (
                        get(taken, position + 1).parent_place <=> child.parent_place
                    )
                ),
                child -> struct(child.parent_place as place, child.taken_ns as taken_ns)
            )
        )) as critical_marks
    from trees_with_critical_places

),

-- the way down to the end of each path
trees_with_chains as (

    select
        *,
        transform(
            slice(ends, 1, greatest(1, {{ var('path_steps_per_trace') }} div -ends[0].height)),
            (ended, rank) -> struct(
                rank + 1 as path_rank,
                ended.place,
                element_at(ways, ended.place).top_place as top_place,
                reverse(aggregate(
                    slice(sequence(1, -ended.height), 2, -ended.height),
                    array(ended.place),
                    (chain, hop) -> concat(chain, array(element_at(parent_places, chain[hop - 2])))
                )) as places
            )
        ) as chains,
        array_compact(transform(critical_marks, (mark, position) -> if(
            mark.taken_ns > 0,
            null,
            struct(
                element_at(spans, mark.place).span_id,
                element_at(spans, mark.place).service,
                element_at(spans, mark.place).endpoint,
                (
                    element_at(lengths, mark.place) - if(
                        get(critical_marks, position + 1).place = mark.place,
                        get(critical_marks, position + 1).taken_ns,
                        0L
                    )
                ) / 1e6 as added_ms
            )
        ))) as critical_path
    from trees_with_critical_marks

),

paths_of_spans as (

    select
        trace_id,
        size(ends) as path_count,
        inline(transform(chains, chain -> named_struct(
            'path_rank', chain.path_rank,
            'error_type', element_at(spans, chain.place).error_type,
            'peer', element_at(spans, chain.place).peer,
            'origin_ns', element_at(spans, chain.place).started_ns,
            'steps', transform(
                chain.places,
                place -> struct(
                    {%- for name in step_columns %}
                    element_at(spans, place).{{ name }}{{ ',' if not loop.last }}
                    {%- endfor %}
                )
            ),
            'marks', array_compact(array(
                case when array_contains(cuts, chain.top_place) then 'cycle' end,
                case
                    when
                        not array_contains(cuts, chain.top_place)
                        and element_at(spans, chain.top_place).parent_span_id is not null
                        then 'missing_parent'
                end,
                case
                    when is_log_lost and chain.place = entry_place then 'missing_span'
                end,
                case when root_count = 0 then 'no_root' end,
                case when root_count > 1 then 'several_roots' end
            )),
            'critical_path', if(chain.path_rank = 1, critical_path, null)
        ))) as (
            path_rank, error_type, peer, origin_ns, steps, marks, critical_path
        )
    from trees_with_chains

),

-- traces of which only logs came
paths_of_logs as (

    select
        lost_logs.trace_id,
        1 as path_count,
        1 as path_rank,
        lost_logs.log.error_type,
        cast(null as string) as peer,
        lost_logs.log.logged_ns as origin_ns,
        array(named_struct(
            {%- for name, data_type in step_columns.items() %}
            '{{ name }}', {{ {
                'service': 'lost_logs.log.service',
                'is_error': 'false',
                'error_message': 'lost_logs.log.error_message',
            }.get(name, 'cast(null as ' ~ data_type ~ ')') }}{{ ',' if not loop.last }}
            {%- endfor %}
        )) as steps,
        array('missing_span') as marks,
        cast(null as array<struct<
            span_id: string, service: string, endpoint: string, added_ms: double
        >>) as critical_path
    from lost_logs
    left anti join trees
        on lost_logs.trace_id = trees.trace_id

),

paths as (

    select * from paths_of_spans
    union all
    select * from paths_of_logs

),

-- one row per span, or trace, with error events: the pattern of the first
patterns as (

    select
        error_events.trace_id,
        error_events.span_id,
        error_events.service,
        min_by(
            error_events.fingerprint,
            struct(
                error_events.event_type = 'log' as is_log,
                error_events.counted_at,
                error_events.fingerprint
            )
        ) as fingerprint
    from {{ ref('gold_error_events') }} as error_events
    left semi join error_traces
        on error_events.trace_id = error_traces.trace_id
    {% if is_incremental() -%}
    where error_events.partition_date in {{ dates }}
    {%- endif %}
    group by 1, 2, 3

),

incident_paths as (

    select
        paths.trace_id,
        paths.steps[size(paths.steps) - 1].span_id as span_id,
        paths.steps[size(paths.steps) - 1].parent_span_id as parent_span_id,
        paths.steps[size(paths.steps) - 1].service as service,
        paths.steps[size(paths.steps) - 1].endpoint as endpoint,
        patterns.fingerprint,
        paths.error_type,
        paths.steps[size(paths.steps) - 1].error_message as error_message,
        coalesce(
            -- of a name of Kubernetes' DNS the service
            regexp_replace(
                paths.peer, r'^([a-z0-9-]+)\.[a-z0-9-]+\.svc(?:\.[a-z0-9.-]+)?$', '$1'
            ),
            paths.steps[size(paths.steps) - 1].service
        ) as suspected_root_cause,
        transform(
            filter(
                paths.steps,
                (step, hop) -> hop = 0 or step.service <> paths.steps[hop - 1].service
            ),
            step -> step.service
        ) as service_path,
        paths.steps,
        paths.critical_path,
        paths.marks,
        traces.environment,
        traces.region,
        paths.path_rank,
        paths.path_count,
        size(paths.steps) as step_count,
        traces.is_fatal,
        {{ timestamp_from_ns('paths.origin_ns') }} as started_at,
        traces.partition_date,
        traces.bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from paths
    inner join error_traces as traces
        on paths.trace_id = traces.trace_id
    left join patterns
        on
            paths.trace_id = patterns.trace_id
            and paths.steps[size(paths.steps) - 1].span_id <=> patterns.span_id
            and paths.steps[size(paths.steps) - 1].service = patterns.service

)

select * from incident_paths
{%- if not is_incremental() %}
sort by partition_date, service, fingerprint, trace_id
{%- endif %}
