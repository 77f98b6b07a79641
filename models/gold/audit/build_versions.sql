{{ config(incremental_strategy='append') }}

-- Which Delta versions each build of Gold was made of (R11), and which Silver builds it took (R6).
-- The last Gold model of a run: what stands here is taken.
-- depends_on: {{ ref('gold_error_events') }}, {{ ref('sampled_spans') }}
-- depends_on: {{ ref('endpoint_minutes') }}
{%- set silver_build_ids = outstanding_builds(from_nothing=not is_incremental()) %}

with build_versions as (

    select
        {{ build_id() }} as build_id,
        table_name,
        table_version,
        {{ "array('" ~ silver_build_ids | join("', '") ~ "')" }} as silver_build_ids,
        current_timestamp() as built_at
    from values
        {%- for relation in [
            source('bronze', 'spans'),
            source('bronze', 'log_records'),
            ref('spans'),
            ref('log_records'),
            ref('traces'),
            ref('error_events'),
            ref('endpoint_minutes'),
            ref('gold_error_events'),
            ref('sampled_spans'),
        ] %}
        ('{{ relation.schema }}.{{ relation.identifier }}', {{ delta_version(relation) }})
        {{- ',' if not loop.last }}
        {%- endfor %}
        as versions (table_name, table_version)
    where {{ 'true' if silver_build_ids else 'false' }}

)

select * from build_versions
