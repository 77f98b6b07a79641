{{ config(incremental_strategy='append') }}

-- Which Delta versions each build of Gold was made of (R11), and which Silver builds it took (R6):
-- those whose batches are all booked. The last Gold model of a run: what stands here is taken.
-- depends_on: {{ ref('batch_books') }}
{%- set tables = [
    'bronze.spans', 'bronze.log_records', 'silver.spans', 'silver.log_records', 'silver.traces',
    'silver.error_events', 'silver.service_calls', 'silver.changes',
] %}
{%- for relation in [
    ref('anomaly_features'), ref('call_graph_minutes'), ref('change_effects'),
    ref('endpoint_hours'), ref('endpoint_minutes'), ref('environment_days'),
    ref('gold_error_events'), ref('error_pattern_days'), ref('error_patterns'),
    ref('incident_path_days'), ref('incident_path_groups'), ref('incident_paths'),
    ref('log_statement_days'), ref('log_statement_minutes'), ref('operation_minutes'),
    ref('sampled_log_records'), ref('sampled_spans'), ref('service_version_days'),
] -%}
{%- do tables.append('gold.' ~ relation.identifier) -%}
{%- endfor %}
{%- set has_news = execute and has_news('builds') %}

with outstanding as (

    select explode(cast(array(
        {{- "'" ~ outstanding_builds(from_nothing=not is_incremental()) | join("', '") ~ "'"
            if has_news -}}
    ) as array<string>)) as build_id

),

open_builds as (

    select distinct pinned.build_id
    from {{ ref('pinned_batches') }} as pinned
    left anti join {{ ref('batch_books') }} as books
        on pinned.ingest_batch = books.ingest_batch

),

-- one row: the builds of Silver that this run has taken
taken as (

    select array_sort(collect_list(outstanding.build_id)) as silver_build_ids
    from outstanding
    left anti join open_builds
        on outstanding.build_id = open_builds.build_id

),

build_versions as (

    select
        {{ build_id() }} as build_id,
        versions.table_name,
        versions.table_version,
        taken.silver_build_ids,
        current_timestamp() as built_at
    from
        values
        {%- for name in tables %}
        ('{{ name }}', cast({{ newest_version(name) if has_news else 'null' }} as bigint))
        {{- ',' if not loop.last }}
        {%- endfor %}
            as versions (table_name, table_version)
    cross join taken
    where size(taken.silver_build_ids) > 0

)

select * from build_versions
