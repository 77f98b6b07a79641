{#-
    Statements run here: removes all files of the days that control.expired_days names, old versions
    included, if that was not done yet, and notes it. Only these: a plain VACUUM without a limit of
    time would end all time travel. Files of a table without partitions wait for the plain one.
-#}
{% macro remove_expired_files() -%}
    {%- set expired = existing_table('control', 'expired_days') -%}
    {%- set query -%}
        with days as (

            select
                table_name,
                partition_date,
                max(expired_at) filter (where phase = 'delete') as deleted_at,
                max(expired_at) filter (where phase = 'remove') as removed_at
            from {{ expired }}
            group by 1, 2

        )

        select
            table_name,
            array_join(array_sort(collect_list(cast(partition_date as string))), ',') as days
        from days
        where removed_at is null or removed_at < deleted_at
        group by 1
        order by 1
    {%- endset -%}
    {%- set removed = [] -%}
    {%- for name, days in run_query(query).rows -%}
        {%- do remove_files(name, days.split(',')) -%}
        {%- for day in days.split(',') -%}
            {%- do removed.append([name, day, none, 0]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do note_days('remove', removed) -%}
{%- endmacro %}
