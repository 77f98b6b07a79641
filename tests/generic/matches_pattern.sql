{#-
    A column is null or matches a regular expression. Returns the values that do not, and how often
    each occurs.

    pattern: regular expression of Spark's rlike; anchor it by ^ and $.
-#}
{% test matches_pattern(model, column_name, pattern) %}

with strange_values as (

    select
        {{ column_name }},
        count(*) as row_count
    from {{ model }}
    where not {{ column_name }} rlike r'{{ pattern }}'
    group by 1

)

select * from strange_values

{% endtest %}
