{#-
    Steps of a query, of which the last is called `root_cause_candidates`: the services of each window
    of a step `incident_windows` (incident, environment, window_start, window_end), ranked by how much
    they differ from the hours around, with what differs most. From three tables of Gold alone.

    - How often a statement is reached by the spans of its operation, and how often an operation runs
      for each request of its service: the change of the share, less 1.64 standard errors of a share
      that did not change, and less half of the greatest change of a service that it calls. Of at
      least three spans.
    - How long callers wait beyond what a callee takes: the growth of the median, less 1.64 times its
      error, by the wait now. Of the services on slow hops the one that most of them touch (Ochiai).

    The SQL is what Spark and DuckDB both read: `tracekeep root-cause` runs it too.

    operations, statements, edges: the tables operation_minutes, log_statement_minutes and
    call_graph_minutes; hours: how far before and after a window it is compared with.
-#}
{% macro root_cause_candidates(operations, statements, edges, hours) -%}
    {%- set near = 'minutes.environment = incidents.environment
            and minutes.window_start >= incidents.window_start - interval ' ~ hours ~ ' hours
            and minutes.window_start < incidents.window_end + interval ' ~ hours ~ ' hours' -%}
    {%- set is_now = '(minutes.window_start >= incidents.window_start
            and minutes.window_start < incidents.window_end)' -%}
    {%- set callers = 5 -%}
-- one row per incident, minute and operation
spans_near as (

    select
        incidents.incident,
        minutes.service,
        minutes.endpoint,
        minutes.window_start as minute_at,
        {{ is_now }} as is_now,
        sum(minutes.span_count) as span_count,
        sum(minutes.request_count) as request_count
    from incident_windows as incidents
    inner join {{ operations }} as minutes
        on {{ near }}
    group by 1, 2, 3, 4, 5

),

operations as (

    select
        incident,
        service,
        endpoint,
        coalesce(sum(span_count) filter (where is_now), 0) as now_count,
        coalesce(sum(span_count) filter (where not is_now), 0) as then_count
    from spans_near
    group by 1, 2, 3

),

statements as (

    select
        incidents.incident,
        minutes.service,
        minutes.endpoint,
        minutes.statement,
        coalesce(sum(minutes.span_count) filter (where {{ is_now }}), 0) as now_count,
        coalesce(sum(minutes.span_count) filter (where not {{ is_now }}), 0) as then_count
    from incident_windows as incidents
    inner join {{ statements }} as minutes
        on {{ near }}
    group by 1, 2, 3, 4

),

-- a record may be logged in the minute after its span began, so a share is at most 1
statement_shares as (

    select
        statements.incident,
        statements.service,
        statements.endpoint,
        statements.statement,
        operations.now_count,
        operations.then_count,
        least(statements.now_count, operations.now_count) / operations.now_count as now_share,
        least(statements.then_count, operations.then_count) / operations.then_count as then_share,
        (statements.now_count + statements.then_count + 0.5)
        / (operations.now_count + operations.then_count + 1) as any_share
    from statements
    inner join operations
        on
            statements.incident = operations.incident
            and statements.service = operations.service
            and statements.endpoint = operations.endpoint
    where operations.now_count >= 3 and operations.then_count >= 3

),

requests as (

    select
        incident,
        service,
        minute_at,
        is_now,
        sum(request_count) as request_count
    from spans_near
    group by 1, 2, 3, 4

),

-- one row per incident, operation and minute in which its service had requests, runs or not
runs as (

    select
        operations.incident,
        operations.service,
        operations.endpoint,
        requests.is_now,
        requests.request_count,
        coalesce(spans_near.span_count, 0) as span_count,
        coalesce(spans_near.span_count, 0) / requests.request_count as rate
    from operations
    inner join requests
        on
            operations.incident = requests.incident
            and operations.service = requests.service
    left join spans_near
        on
            operations.incident = spans_near.incident
            and operations.service = spans_near.service
            and operations.endpoint = spans_near.endpoint
            and requests.minute_at = spans_near.minute_at
    where requests.request_count > 0

),

usual_rates as (

    select
        *,
        median(case when not is_now then rate end) over (
            partition by incident, service, endpoint
        ) as usual_rate
    from runs

),

rates as (

    select
        incident,
        service,
        endpoint,
        sum(request_count) filter (where is_now) as now_requests,
        sum(request_count) filter (where not is_now) as then_requests,
        sum(span_count) filter (where is_now) as now_count,
        sum(span_count) filter (where not is_now) as then_count,
        median(abs(rate - usual_rate)) filter (where not is_now) as spread
    from usual_rates
    group by 1, 2, 3

),

changes as (

    select
        incident,
        service,
        'statement' as evidence_kind,
        endpoint,
        statement,
        then_share as value_before,
        now_share as value_now,
        abs(now_share - then_share) - 1.64 * sqrt(
            least(any_share, 1) * greatest(1 - any_share, 0) * (1 / now_count + 1 / then_count)
        ) as change
    from statement_shares
    where abs(now_share - then_share) * now_count >= 3
    union all
    select
        incident,
        service,
        'operation' as evidence_kind,
        endpoint,
        cast(null as string) as statement,
        then_count / then_requests as value_before,
        now_count / now_requests as value_now,
        least(abs(now_count / now_requests - then_count / then_requests), 1)
        - 1.64 * greatest(spread, sqrt(
            (now_count + then_count + 0.5) / (now_requests + then_requests)
            * (1 / now_requests + 1 / then_requests)
        )) as change
    from rates
    where
        now_requests >= 3
        and then_requests >= 3
        and abs(now_count - then_count / then_requests * now_requests) >= 3

),

-- one row per incident and service: what of it changed most
changed as (

    select * from changes
    where change > 0
    qualify row_number() over (
        partition by incident, service
        order by change desc, evidence_kind, endpoint, statement
    ) = 1

),

edge_minutes as (

    select
        incidents.incident,
        minutes.source_service,
        minutes.target_service,
        {{ is_now }} as is_now,
        sum(minutes.call_count) as call_count,
        sum(minutes.call_count) filter (where minutes.wait_p50_ms is not null) as waited_count,
        sum(minutes.wait_p50_ms * minutes.call_count)
        / sum(minutes.call_count) filter (where minutes.wait_p50_ms is not null) as wait_ms
    from incident_windows as incidents
    inner join {{ edges }} as minutes
        on {{ near }}
    where not minutes.is_self_call
    group by 1, 2, 3, 4, minutes.window_start

),

usual_waits as (

    select
        *,
        median(case when not is_now then wait_ms end) over (
            partition by incident, source_service, target_service
        ) as usual_ms
    from edge_minutes

),

waits as (

    select
        incident,
        source_service,
        target_service,
        median(wait_ms) filter (where is_now) as now_ms,
        sum(waited_count) filter (where is_now) as now_count,
        median(abs(wait_ms - usual_ms)) filter (where not is_now) as spread,
        min(usual_ms) as then_ms
    from usual_waits
    group by 1, 2, 3

),

hops as (

    select
        *,
        greatest(
            now_ms - then_ms - 1.64 * greatest(0.5 * (now_ms + 5) / sqrt(now_count), spread), 0
        ) / (now_ms + 5) as growth
    from waits
    where now_ms is not null and then_ms is not null

),

-- one row per incident, hop and service at one of its ends
ends as (

    select
        hops.*,
        case when sides.is_source then hops.source_service else hops.target_service end as service
    from hops
    cross join (select true as is_source union all select false) as sides

),

touched as (

    select
        *,
        sum(growth) over (partition by incident, service)
        / sqrt(count(*) over (partition by incident, service)) as touch
    from ends

),

slowed as (

    select
        *,
        growth * touch / max(touch) over (partition by incident) as change
    from touched
    where touch > 0
    qualify row_number() over (
        partition by incident, service
        order by growth desc, source_service, target_service
    ) = 1

),

-- one row per incident and edge in use
called as (

    select
        incident,
        source_service,
        target_service,
        sum(call_count) as call_count
    from edge_minutes
    where is_now
    group by 1, 2, 3

),

callees as (

    select
        called.incident,
        called.source_service as service,
        max(changed.change) as change
    from called
    inner join changed
        on
            called.incident = changed.incident
            and called.target_service = changed.service
    group by 1, 2

),

-- who calls a service most
callers as (

    select
        incident,
        target_service as service,
        source_service as caller
    from called
    where source_service <> 'external'
    qualify row_number() over (
        partition by incident, target_service
        order by call_count desc, source_service
    ) = 1

),

evidence as (

    select
        changed.incident,
        changed.service,
        changed.change - 0.5 * coalesce(callees.change, 0) as score,
        changed.evidence_kind,
        changed.endpoint,
        changed.statement,
        cast(null as string) as source_service,
        cast(null as string) as target_service,
        changed.value_before,
        changed.value_now
    from changed
    left join callees
        on
            changed.incident = callees.incident
            and changed.service = callees.service
    union all
    select
        incident,
        service,
        change as score,
        'hop' as evidence_kind,
        null as endpoint,
        null as statement,
        source_service,
        target_service,
        then_ms as value_before,
        now_ms as value_now
    from slowed

),

-- one row per incident and service: its strongest evidence
suspects as (

    select * from evidence
    where score > 0
    qualify row_number() over (
        partition by incident, service
        order by score desc, evidence_kind
    ) = 1

),

root_cause_candidates as (

    select
        incidents.environment,
        incidents.window_start,
        incidents.window_end,
        row_number() over (
            partition by suspects.incident
            order by suspects.score desc, suspects.service
        ) as candidate_rank,
        suspects.service,
        suspects.score,
        suspects.evidence_kind,
        suspects.endpoint,
        suspects.statement,
        suspects.source_service,
        suspects.target_service,
        suspects.value_before,
        suspects.value_now,
        split(concat_ws(
            chr(31),
            {%- for place in range(callers, 0, -1) %}
            case
                when
                    caller_{{ place }}.caller not in (
                        suspects.service
                        {%- for other in range(1, place) %}, caller_{{ other }}.caller{% endfor %}
                    )
                    then caller_{{ place }}.caller
            end,
            {%- endfor %}
            suspects.service
        ), chr(31)) as service_path
    from suspects
    inner join incident_windows as incidents
        on suspects.incident = incidents.incident
    {%- for place in range(1, callers + 1) %}
    left join callers as caller_{{ place }}
        on
            suspects.incident = caller_{{ place }}.incident
            and {{ 'suspects.service' if place == 1 else 'caller_' ~ (place - 1) ~ '.caller' }}
            = caller_{{ place }}.service
    {%- endfor %}

)
{%- endmacro %}
