{{ config(incremental_strategy='append', meta={'news': 'ledger'}) }}

{#- The ledger's version is noted before the others are: each batch in it is in their versions. -#}
{%- set ledger = source('bronze', 'ingest_batches') -%}
{%- set has_news = execute and has_news('ledger') -%}
{%- set ledger_version = newest_version('bronze.ingest_batches') if has_news -%}
{%- set spans_version = newest_version('bronze.spans') if has_news else 'null' -%}
{%- set log_records_version = newest_version('bronze.log_records') if has_news else 'null' -%}

-- Which committed ingest batches Silver has seen (R6): read once at the start of a run, so that
-- all its models take the same batches however far ingest goes meanwhile.
with ingest_batches as (

    select
        ingest_batch,
        planned_at
    from {{ ledger }} {{ 'version as of ' ~ ledger_version if has_news }}

),

-- one row per committed batch that no earlier run has pinned
pinned_batches as (

    select
        ingest_batches.ingest_batch,
        cast({{ spans_version }} as bigint) as bronze_version,
        cast({{ log_records_version }} as bigint) as bronze_log_records_version,
        {{ build_id() }} as build_id,
        ingest_batches.planned_at
    from ingest_batches
    {% if is_incremental() -%}
    left anti join {{ this }} as pinned
        on ingest_batches.ingest_batch = pinned.ingest_batch
    {%- endif %}

)

select * from pinned_batches
