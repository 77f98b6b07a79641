{#-
    List of the hours of the model changed_hours, asked once a run: of each run of hours without a gap
    the start of the first and the end of the last, as datetimes in UTC.
-#}
{% macro changed_hours() -%}
    {%- set hours = adapter.get_relation(none, 'control', 'changed_hours') -%}
    {%- if hours is none or not outstanding_builds() -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set query -%}
        with islands as (

            select
                touched_key,
                unix_seconds(touched_key) div 3600
                - row_number() over (order by touched_key) as island
            from {{ hours }}

        )

        select
            cast(min(touched_key) as string) as first_start,
            cast(max(touched_key) + interval 1 hour as string) as last_end
        from islands
        group by island
        order by 1
    {%- endset -%}
    {%- set ranges = [] -%}
    {%- for row in once(query).rows -%}
        {%- do ranges.append((
            modules.datetime.datetime.fromisoformat(row[0] | string),
            modules.datetime.datetime.fromisoformat(row[1] | string),
        )) -%}
    {%- endfor -%}
    {{ return(ranges) }}
{%- endmacro %}
