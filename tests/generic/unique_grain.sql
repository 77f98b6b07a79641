{#-
    A model holds one row per key. Returns the keys that occur more often, and how often; two nulls
    are the same value here.

    columns: names or expressions that make the key.
-#}
{% test unique_grain(model, columns) %}

with duplicate_keys as (

    select
        {{ columns | map('indent', 8) | join(',\n        ') }},
        count(*) as row_count
    from {{ model }}
    group by {{ range(1, columns | length + 1) | join(', ') }}
    having count(*) > 1

)

select * from duplicate_keys

{% endtest %}
