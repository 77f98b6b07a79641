-- R1: of each committed ingest batch Bronze holds as many rows as its books say, and read = spans +
-- log records + changes + rejected. Returns the batches whose books do not add up.
with ingest_batches as (

    select * from {{ source('bronze', 'ingest_batches') }}
    where
        {{ is_tested_batch('ingest_batch') }}
        and {{ is_kept('to_date(planned_at)', 'bronze.spans') }}
        and {{ is_kept('to_date(planned_at)', 'bronze.log_records') }}
        and {{ is_kept('to_date(planned_at)', 'bronze.changes') }}
        and {{ is_kept('to_date(planned_at)', 'bronze.rejected_records') }}

),

{% set tables = {
    'spans': 'span_count',
    'log_records': 'log_record_count',
    'changes': 'change_count',
    'rejected_records': 'rejected_count',
} -%}
held as (
    {% for table, count in tables.items() %}
    select
        ingest_batch,
        '{{ count }}' as counted
    from {{ source('bronze', table) }}
    where {{ is_tested_batch('ingest_batch') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

-- one row per batch that has rows
held_counts as (

    select
        ingest_batch,
        count_if(counted = 'span_count') as span_count,
        count_if(counted = 'log_record_count') as log_record_count,
        count_if(counted = 'change_count') as change_count,
        count_if(counted = 'rejected_count') as rejected_count
    from held
    group by 1

),

wrong as (

    select
        books.*,
        coalesce(held.span_count, 0) as held_span_count,
        coalesce(held.log_record_count, 0) as held_log_record_count,
        coalesce(held.change_count, 0) as held_change_count,
        coalesce(held.rejected_count, 0) as held_rejected_count
    from ingest_batches as books
    left join held_counts as held
        on books.ingest_batch = held.ingest_batch
    where
        books.read_count <> {% for count in tables.values() -%}
        books.{{ count }}{{ ' + ' if not loop.last }}
        {%- endfor %}
        {%- for count in tables.values() %}
        or books.{{ count }} <> coalesce(held.{{ count }}, 0)
        {%- endfor %}

)

select * from wrong
