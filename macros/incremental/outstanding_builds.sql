{#-
    List of the Silver builds that no build of Gold names (R6: a set difference). A build that was cut
    short is one: Gold may read what it wrote, but build_versions names it once its batches are booked.

    from_nothing: all Silver builds.
-#}
{% macro outstanding_builds(from_nothing=false) -%}
    {%- set pinned = adapter.get_relation(none, 'control', 'pinned_batches') -%}
    {%- if pinned is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set taken = adapter.get_relation(none, 'gold', 'build_versions') if not from_nothing -%}
    {%- set query -%}
        select distinct build_id from {{ pinned }}
        {%- if taken %}
        except
        select explode(silver_build_ids) as build_id from {{ taken }}
        {%- endif %}
        order by 1
    {%- endset -%}
    {{ return(once(query).columns[0].values() | list) }}
{%- endmacro %}
