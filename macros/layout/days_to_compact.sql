{#-
    Query for the closed days that at least `after_runs` builds have written to since their last
    compaction. A day is closed when a batch was planned on a later one: the ledger says so, not
    the clock of this run.
-#}
{% macro days_to_compact(builds, after_runs) -%}
    with arrivals as (

        select to_date(max(planned_at)) as newest_date from {{ existing_table('control', 'pinned_batches') }}

    ),

    compactions as (

        select
            partition_date,
            max(build_id) as build_id
        from {{ builds }}
        where operation = 'compaction'
        group by 1

    )

    select builds.partition_date
    from {{ builds }} as builds
    cross join arrivals
    left join compactions
        on builds.partition_date = compactions.partition_date
    where
        builds.operation = 'build'
        and builds.partition_date < arrivals.newest_date
        and (compactions.build_id is null or builds.build_id > compactions.build_id)
    group by 1
    having count(*) >= {{ after_runs }}
    order by 1
{%- endmacro %}
