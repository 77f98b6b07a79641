{{ config(materialized='view') }}

-- Bronze log records in the terms of Silver, one row per record: redacted (R13), time and error by
-- the conventions (R14), nothing deduplicated.
with bronze_log_records as (

    select * from {{ source('bronze', 'log_records') }}

),

-- all that is text (R13), as maps of one array, so that the policy stands here once
texts as (

    select
        *,
        array(
            map(
                'body', body,
                'event_name', event_name,
                'severity_text', severity_text,
                'scope_name', scope_name,
                'region', region,
                'stream', stream
            ),
            attributes,
            resource_attributes
        ) as text_maps,
        lower(concat_ws(
            '\n',
            body,
            event_name,
            severity_text,
            scope_name,
            region,
            stream,
            map_keys(attributes),
            map_values(attributes),
            map_keys(resource_attributes),
            map_values(resource_attributes)
        )) as row_text
    from bronze_log_records

),

{{ redacted_rows('texts') }},

named as (

    select
        * except (
            body, event_name, severity_text, scope_name, region, stream, attributes,
            resource_attributes
        ),
        maps[0]['body'] as body,
        maps[0]['event_name'] as event_name,
        maps[0]['severity_text'] as severity_text,
        maps[0]['scope_name'] as scope_name,
        maps[0]['region'] as region,
        maps[0]['stream'] as stream,
        maps[1] as attributes,
        maps[2] as resource_attributes
    from redacted

),

stg_log_records as (

    select
        trace_id,
        span_id,
        record_hash,
        event_name,
        severity_text,
        severity_source,
        body,
        case
            when severity_number >= 17 then coalesce(
                attributes['exception.type'],
                nullif(regexp_extract(
                    body, r'((?:[A-Za-z_$][\w$]*\.)*[A-Z][\w$]*(?:Exception|Error))\b', 1
                ), '')
            )
        end as error_type,
        case
            when severity_number >= 17
                then coalesce(attributes['exception.message'], {{ json_message('body') }}, body)
        end as error_message,
        case
            when severity_number >= 17 then coalesce(
                attributes['exception.stacktrace'],
                nullif(regexp_extract(body, {{ stack_pattern() }}, 0), '')
            )
        end as error_stack,
        {{ environment_name('resource_attributes') }} as environment,
        region,
        stream,
        scope_name,
        attributes,
        resource_attributes,
        severity_number,
        time_unix_nano as logged_ns,
        coalesce(severity_number >= 17, false) as is_error,
        coalesce(is_truncated, false) as is_truncated,
        ingested_at,
        ingest_batch
    from named

)

select * from stg_log_records
