{#-
    Query for the keys, `touched_key`, of which a table of Gold does not hold what its totals say, or
    holds it from a build that was cut short.

    totals: relation; table: name of the table, which stands downstream; columns: name -> data type,
    the key first.
-#}
{% macro differing_keys(totals, table, columns) -%}
with totals as (

    select {{ columns | join(', ') }} from {{ totals }}

),

held as (

    {{ existing_rows('gold', table, dict(columns, build_id='string')) | indent(4) }}

),

news as (

    select * from totals
    except
    select {{ columns | join(', ') }} from held
    where not {{ is_unfinished_build('build_id') }}

),

leftovers as (

    select {{ columns | join(', ') }} from held
    except
    select * from totals

)

select {{ columns | first }} as touched_key from news
union distinct
select {{ columns | first }} as touched_key from leftovers
{%- endmacro %}
