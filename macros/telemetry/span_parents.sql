{#-
    Two steps, of which the last is called `parents`: one row per span with a parent, `trace_id` and
    `place`, and where that stands, `parent_place`. Of several that bear the id a shared one is it
    (Zipkin), then one of the same service, then a client before a server span (R8).

    spans: a step with trace_id, place, service, span_id, parent_span_id, is_client_side and
    is_server_side.
-#}
{% macro span_parents(spans) -%}
    -- ids that a span may find its parent by: its parent's, and a server's own, which its client
-- shares (Zipkin)
references as (

    select
        trace_id,
        place,
        service,
        is_server_side,
        parent_span_id as parent_id,
        false as is_shared
    from {{ spans }}
    where parent_span_id is not null
    union all
    select
        trace_id,
        place,
        service,
        is_server_side,
        span_id as parent_id,
        true as is_shared
    from {{ spans }}
    where is_server_side and span_id is not null

),

-- one row per span with a parent: where that stands
parents as (

    select
        references.trace_id,
        references.place,
        min(struct(
            not references.is_shared as is_own,
            bearers.service <> references.service as is_elsewhere,
            references.is_server_side and not bearers.is_client_side as is_no_client,
            bearers.place
        )).place as parent_place
    from references
    inner join {{ spans }} as bearers
        on
            references.trace_id = bearers.trace_id
            and references.parent_id = bearers.span_id
            and references.place <> bearers.place
    where not references.is_shared or bearers.is_client_side
    group by 1, 2

)
{%- endmacro %}
