{{ config(materialized='view') }}

-- Days where Silver wrote, or deleted, anything since Gold last took it (R6), and those where Gold
-- alone has news: errors that went past Silver (R6), erased ones (R12), a new version of the rules.
-- depends_on: {{ ref('stg_late_error_events') }}
{%- set expired = expired_dates(['silver.spans', 'silver.log_records']) %}

with written as (

    select distinct
        partition_date as touched_key,
        {{ 'true' if expired is none else 'partition_date not in ' ~ expired }} as is_in_silver
    from {{ ref('day_builds') }}
    where
        operation = 'build'
        and {{ is_outstanding_build('build_id') }}

),

all_days as (

    select
        touched_key,
        is_in_silver
    from written
    where is_in_silver
    {%- if expired is not none %}
    union all
    select
        partition_date as touched_key,
        false as is_in_silver
    from {{ ref('stg_late_error_events') }}
    where {{ is_outstanding_build('build_id') }}
    {%- endif %}
    {%- for day in var('erased_error_days', []) %}
    union all
    select
        date'{{ day }}' as touched_key,
        false as is_in_silver
    {%- endfor %}
    {%- if new_rule_versions() %}
    union all
    select
        partition_date as touched_key,
        false as is_in_silver
    from {{ adapter.get_relation(none, 'gold', 'error_events') }}
    {%- endif %}

),

-- one row per day
changed_days as (

    select
        touched_key,
        bool_or(is_in_silver) as is_in_silver
    from all_days
    group by 1

)

select * from changed_days
