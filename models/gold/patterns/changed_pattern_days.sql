{{ config(materialized='view') }}

-- depends_on: {{ ref('gold_error_events') }}

-- Days whose error patterns are told again: where errors may have changed, and all of them for a
-- version of the rule that was not there before.
{%- set held_versions = [] %}
{%- set held = existing_table('gold', 'error_pattern_days') %}
{%- if held %}
    {%- set query = 'select distinct pattern_version from ' ~ held %}
    {%- set held_versions = run_query(query).columns[0].values() %}
{%- endif %}
{%- set new_versions = var('error_pattern_rules') | reject('in', held_versions) | list %}

with changed_days as (

    select touched_key from {{ ref('changed_days') }}

)

select touched_key from changed_days
{%- if expired_event_dates() is not none %}
union distinct
-- errors that went past Silver (R6)
select partition_date as touched_key from {{ ref('gold_error_events') }}
where {{ is_unfinished_build('build_id') }}
{%- endif %}
{%- if var('erased_error_days', []) %}
{%- set erased_days = "('" ~ var('erased_error_days') | join("', '") ~ "')" %}
union distinct
-- errors that stand in Gold alone and were erased there (R12): `tracekeep erase` names their days
select distinct partition_date as touched_key from {{ ref('gold_error_events') }}
where cast(partition_date as string) in {{ erased_days }}
{%- endif %}
{%- if held and new_versions %}
union distinct
select distinct partition_date as touched_key from {{ ref('gold_error_events') }}
{%- endif %}
