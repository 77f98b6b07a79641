{#-
    Columns are never null, with one scan for all of them. Returns the rows where one is.

    columns: names of columns.
-#}
{% test never_null(model, columns) %}

with incomplete_rows as (

    select
        {{ columns | join(',\n        ') }}
    from {{ model }}
    where
        {{ columns | join(' is null\n        or ') }} is null

)

select * from incomplete_rows

{% endtest %}
