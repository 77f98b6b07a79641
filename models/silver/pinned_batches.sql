{{ config(incremental_strategy='append') }}

{#- The ledger's version is noted before the others are: each batch in it is in their versions. -#}
{%- set ledger = source('bronze', 'ingest_batches') -%}
{%- set as_of_now = version_as_of(ledger) -%}

-- Which committed ingest batches Silver has seen (R6): read once at the start of a run, so that
-- all its models take the same batches however far ingest goes meanwhile.
with ingest_batches as (

    select
        ingest_batch,
        planned_at
    from {{ ledger }} {{ as_of_now }}

),

-- one row per committed batch that no earlier run has pinned
pinned_batches as (

    select
        ingest_batches.ingest_batch,
        {{ delta_version(source('bronze', 'spans')) }} as bronze_version,
        {{ delta_version(source('bronze', 'log_records')) }} as bronze_log_records_version,
        {{ build_id() }} as build_id,
        ingest_batches.planned_at
    from ingest_batches
    {% if is_incremental() -%}
    left anti join {{ this }} as pinned
        on ingest_batches.ingest_batch = pinned.ingest_batch
    {%- endif %}

)

select * from pinned_batches
