{#-
    List of literals: the days where Silver wrote, or deleted, anything since Gold last took it (R7);
    not those that Silver has let go, of which Gold keeps what it holds (R6).
-#}
{% macro changed_dates() -%}
    {%- set builds, books = ref('day_builds'), ref('batch_books') -%}
    {%- if not execute or load_relation(builds) is none or load_relation(books) is none -%}
        {{ return('(null)') }}
    {%- endif -%}
    {%- set query -%}
        select distinct partition_date from {{ builds }}
        where
            {{ is_outstanding_build('build_id') }}
            and operation = 'build'
            and {{ is_kept('partition_date', 'silver.spans') }}
            and {{ is_kept('partition_date', 'silver.log_records') }}
        order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
