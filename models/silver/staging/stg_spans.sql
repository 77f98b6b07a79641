{{ config(materialized='view') }}

-- Bronze spans in the terms of Silver, one row per record: redacted (R13), names, times and errors
-- by the conventions (R14), nothing deduplicated.
with bronze_spans as (

    select * from {{ source('bronze', 'spans') }}

),

-- one row per span record
decoded as (

    select
        *,
        {{ http_status_code('attributes') }} as http_status_code,
        {{ rpc_status_code('attributes') }} as rpc_status_code,
        element_at(
            filter(events, event -> event.name = 'exception'), -1
        ).attributes as exception,
        coalesce(start_time_unix_nano, end_time_unix_nano) as started_ns
    from bronze_spans

),

judged as (

    select
        *,
        {{ is_error_span(
            'status_code', 'kind', 'http_status_code', 'rpc_status_code', 'attributes'
        ) }} as is_error
    from decoded

),

-- all that is text (R13), as maps of one array, so that the policy stands here once
texts as (

    select
        *,
        concat(
            array(
                map(
                    'name', name,
                    'status_message', status_message,
                    'trace_state', trace_state,
                    'scope_name', scope_name,
                    'region', region
                ),
                attributes,
                resource_attributes,
                exception,
                map_from_arrays(
                    transform(links, (link, place) -> cast(place as string)),
                    links.trace_state
                )
            ),
            coalesce(links.attributes, array())
        ) as text_maps,
        lower(concat_ws(
            '\n',
            name,
            status_message,
            trace_state,
            scope_name,
            region,
            map_keys(attributes),
            map_values(attributes),
            map_keys(resource_attributes),
            map_values(resource_attributes),
            map_keys(exception),
            map_values(exception),
            case when size(links) > 0 then to_json(links) end
        )) as row_text
    from judged

),

{{ redacted_rows('texts') }},

named as (

    select
        * except (
            status_message, trace_state, scope_name, region, attributes, resource_attributes,
            exception, links
        ),
        maps[0]['name'] as operation,
        maps[0]['status_message'] as status_message,
        maps[0]['trace_state'] as trace_state,
        maps[0]['scope_name'] as scope_name,
        maps[0]['region'] as region,
        maps[1] as attributes,
        maps[2] as resource_attributes,
        maps[3] as exception,
        transform(links, (link, place) -> named_struct(
            'trace_id', link.trace_id,
            'span_id', link.span_id,
            'trace_state', maps[4][cast(place as string)],
            'attributes', maps[place + 5]
        )) as links
    from redacted

),

stg_spans as (

    select
        trace_id,
        span_id,
        parent_span_id,
        record_hash,
        trace_state,
        coalesce(
            {{ service_name('resource_attributes') }},
            {{ workload_name('resource_attributes') }},
            'unknown_service'
        ) as service,
        {{ endpoint_name('attributes', 'operation') }} as endpoint,
        operation,
        kind,
        status_code,
        status_message,
        {{ environment_name('resource_attributes') }} as environment,
        region,
        scope_name,
        case
            when is_error then array(named_struct(
                'error_type', coalesce(
                    exception['exception.type'],
                    attributes['exception.type'],
                    attributes['error.type'],
                    case when http_status_code >= 400 then cast(http_status_code as string) end,
                    case when rpc_status_code > 0 then cast(rpc_status_code as string) end
                ),
                'error_message', coalesce(
                    exception['exception.message'],
                    attributes['exception.message'],
                    nullif(status_message, '')
                ),
                'error_stack', coalesce(
                    exception['exception.stacktrace'],
                    attributes['exception.stacktrace']
                )
            ))
        end as error_variants,
        attributes,
        resource_attributes,
        links,
        http_status_code,
        rpc_status_code,
        started_ns,
        greatest(coalesce(end_time_unix_nano - started_ns, 0), 0) / 1e6 as latency_ms,
        coalesce(kind in ('server', 'consumer'), false) as is_server_side,
        is_error,
        end_time_unix_nano is null or end_time_unix_nano < started_ns as is_end_missing,
        ingested_at,
        ingest_batch
    from named

)

select * from stg_spans
