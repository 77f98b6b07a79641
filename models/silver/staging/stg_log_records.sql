{{ config(materialized='view') }}

-- Bronze log records in the terms of Silver, one row per record: severity, time and error by the
-- conventions (R14), nothing deduplicated.
with bronze_log_records as (

    select * from {{ source('bronze', 'log_records') }}

),

-- one row per log record as it came
decoded as (

    select
        *,
        {{ clean_text('body') }} as text,
        {{ severity_number('severity_number', 'severity_text') }} as normal_severity_number
    from bronze_log_records

),

stg_log_records as (

    select
        trace_id,
        span_id,
        record_hash,
        event_name,
        severity_text,
        text as body,
        case
            when normal_severity_number >= 17 then coalesce(
                attributes['exception.type'],
                nullif(regexp_extract(
                    text, r'((?:[A-Za-z_$][\w$]*\.)*[A-Z][\w$]*(?:Exception|Error))\b', 1
                ), '')
            )
        end as error_type,
        case
            when normal_severity_number >= 17
                then {{ clean_text("coalesce(attributes['exception.message'], text)") }}
        end as error_message,
        case
            when normal_severity_number >= 17 then {{ clean_text("coalesce(
                attributes['exception.stacktrace'],
                nullif(regexp_extract(
                    text, r'(?s)(?:(?<=\\n)\\s+at .*|Traceback \\(most recent call last\\).*)', 0
                ), '')
            )") }}
        end as error_stack,
        {{ environment_name('resource_attributes') }} as environment,
        region,
        stream,
        scope_name,
        attributes,
        resource_attributes,
        normal_severity_number as severity_number,
        time_unix_nano as logged_ns,
        coalesce(normal_severity_number >= 17, false) as is_error,
        coalesce(is_truncated, false) as is_truncated,
        ingested_at,
        ingest_batch
    from decoded

)

select * from stg_log_records
