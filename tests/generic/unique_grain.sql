{#-
    A model holds one row per key, and its rows are sound; one scan for all of it. Returns the keys
    that occur more often, how often, and those of unsound rows; two nulls are the same value here.

    columns: names or expressions that make the key. never_null: names of columns. accepted: by
    column the values that it may have beside null. patterns: by column a regular expression of
    Spark's rlike that its values match, anchored by ^ and $.
-#}
{% test unique_grain(model, columns, never_null=[], accepted={}, patterns={}) %}

{%- set faults = [] -%}
{%- for column in never_null -%}
    {%- do faults.append(column ~ ' is null') -%}
{%- endfor -%}
{%- for column, values in accepted.items() -%}
    {%- do faults.append(column ~ " not in ('" ~ values | join("', '") ~ "')") -%}
{%- endfor -%}
{%- for column, pattern in patterns.items() -%}
    {%- do faults.append('not ' ~ column ~ " rlike r'" ~ pattern ~ "'") -%}
{%- endfor %}

with unsound_keys as (

    select
        {{ columns | map('indent', 8) | join(',\n        ') }},
        count(*) as row_count,
        count_if({{ faults | join('\n            or ') or 'false' }}) as fault_count
    from {{ model }}
    group by {{ range(1, columns | length + 1) | join(', ') }}
    having count(*) > 1 or fault_count > 0

)

select * from unsound_keys

{% endtest %}
