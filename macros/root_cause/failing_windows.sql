{#-
    Steps of a query, of which the last is called `incident_windows`: times of an environment in which
    far more failed than in most minutes of their day, with less than five other minutes between them
    (incident, environment, window_start, window_end).

    The SQL is what Spark and DuckDB both read: `tracekeep evidence` runs it too.

    windows: the table endpoint_minutes; length: minutes of its windows.
-#}
{% macro failing_windows(windows, length) -%}
-- minutes of an environment in which far more failed than in most minutes of the day
minutes as (

    select
        environment,
        window_start,
        partition_date,
        sum(error_count + error_log_count) as failure_count
    from {{ windows }}
    group by 1, 2, 3

),

compared as (

    select
        *,
        median(failure_count) over (partition by environment, partition_date) as usual_count
    from minutes

),

failing as (

    select
        *,
        lag(window_start) over (partition by environment order by window_start) as last_start
    from compared
    where failure_count > 3 * (usual_count + 1)

),

numbered as (

    select
        *,
        count_if(last_start is null or window_start > last_start + interval 5 minutes)
            over (partition by environment order by window_start) as episode
    from failing

),

-- one row per incident: failing minutes with less than five others between them
incident_windows as (

    select
        concat_ws(' ', environment, episode) as incident,
        environment,
        min(window_start) as window_start,
        max(window_start) + interval {{ length }} minutes as window_end
    from numbered
    group by 1, 2

)
{%- endmacro %}
