{{ config(incremental_strategy='append') }}

-- Which Delta versions each build of Gold was made of (R11), and which Silver builds it took (R6).
-- The last Gold model of a run: what stands here is taken.
{%- set tables = {
    'bronze.spans': source('bronze', 'spans'),
    'bronze.log_records': source('bronze', 'log_records'),
    'silver.spans': ref('spans'),
    'silver.log_records': ref('log_records'),
    'silver.traces': ref('traces'),
    'silver.error_events': ref('error_events'),
    'gold.endpoint_minutes': ref('endpoint_minutes'),
    'gold.error_events': ref('gold_error_events'),
    'gold.sampled_spans': ref('sampled_spans'),
} %}
{%- set silver_build_ids = outstanding_builds(from_nothing=not is_incremental()) %}

with build_versions as (

    select
        {{ build_id() }} as build_id,
        table_name,
        table_version,
        {{ "array('" ~ silver_build_ids | join("', '") ~ "')" }} as silver_build_ids,
        current_timestamp() as built_at
    from
        values
        {%- for name, relation in tables.items() %}
        ('{{ name }}', {{ delta_version(relation) }}){{ ',' if not loop.last }}
        {%- endfor %}
            as versions (table_name, table_version)
    where {{ 'true' if silver_build_ids else 'false' }}

)

select * from build_versions
