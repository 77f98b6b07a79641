{#-
    List of literals: the days where Silver wrote, or deleted, anything since Gold last took it (R7);
    not those that Silver has let go, of which Gold keeps what it holds (R6).
-#}
{% macro changed_dates() -%}
    {%- set builds, books = ref('day_builds'), ref('batch_books') -%}
    {%- if not execute or load_relation(builds) is none or load_relation(books) is none -%}
        {{ return('(null)') }}
    {%- endif -%}
    {%- set expired = expired_event_dates() -%}
    {%- set query -%}
        select distinct partition_date from {{ builds }}
        where
            {{ is_outstanding_build('build_id') }}
            and operation = 'build'
            {%- if expired is not none %}
            and partition_date not in {{ expired }}
            {%- endif %}
        order by 1
    {%- endset -%}
    {{ return(date_literals(query)) }}
{%- endmacro %}
