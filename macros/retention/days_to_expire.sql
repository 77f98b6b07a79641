{#-
    Query for the rows of a table that are older than its retention, by day and ingest batch, and how
    many of them Gold has not taken yet: those stay, as do days that an unfinished ingest batch may
    still write to.

    rule: of retention_rules; relation: the table; today: literal.
-#}
{% macro days_to_expire(rule, relation, today) -%}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set batch = 'ingest_batch' if 'ingest_batch' in columns else 'cast(null as bigint)' -%}
    with taken_builds as (

        select distinct explode(silver_build_ids) as build_id
        from {{ existing_table('gold', 'build_versions') }}

    ),

    taken_batches as (

        select books.ingest_batch
        from {{ existing_table('control', 'batch_books') }} as books
        left semi join taken_builds
            on books.build_id = taken_builds.build_id

    ),

    unfinished_days as (

        select distinct planned.partition_date
        from {{ existing_table('bronze', 'ingest_files') }} as planned
        left anti join {{ existing_table('bronze', 'ingest_batches') }} as finished
            on planned.ingest_batch = finished.ingest_batch

    ),

    old_rows as (

        select
            partition_date,
            {{ batch }} as ingest_batch,
            {{ 'build_id' if 'build_id' in columns else 'cast(null as string)' }} as build_id
        from {{ relation }}
        where partition_date < date_sub({{ today }}, {{ rule.days }})

    )

    select
        old_rows.partition_date,
        old_rows.ingest_batch,
        count(*) as record_count,
        {{ {
            'bronze': 'count_if(taken_batches.ingest_batch is null'
                ~ ' or unfinished_days.partition_date is not null)',
            'silver': 'count_if(taken_builds.build_id is null)',
            'gold': '0',
        }[rule.layer] }} as untaken_count
    from old_rows
    left join taken_batches
        on old_rows.ingest_batch = taken_batches.ingest_batch
    left join taken_builds
        on old_rows.build_id = taken_builds.build_id
    left join unfinished_days
        on old_rows.partition_date = unfinished_days.partition_date
    group by 1, 2
    order by 1, 2
{%- endmacro %}
