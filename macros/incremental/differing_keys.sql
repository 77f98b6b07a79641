{#-
    Query for the keys, `touched_key`, of which a table of Gold does not hold what its totals say.

    totals: relation; table: name of the table, which stands downstream; columns: name -> data type,
    the key first.
-#}
{% macro differing_keys(totals, table, columns) -%}
with totals as (

    select {{ columns | join(', ') }} from {{ totals }}

),

held as (

    {{ existing_rows('gold', table, columns) | indent(4) }}

),

news as (

    select * from totals
    except
    select * from held

),

leftovers as (

    select * from held
    except
    select * from totals

)

select {{ columns | first }} as touched_key from news
union distinct
select {{ columns | first }} as touched_key from leftovers
{%- endmacro %}
