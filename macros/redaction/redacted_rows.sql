{#-
    Two steps of a staging view, of which the last is called `redacted`: the rows of a step with
    `text_maps`, an array of maps with all their text, and `row_text`, the same in lower case; with
    `maps`, what the policy leaves of them (R13). Most rows need none of its rules.
-#}
{% macro redacted_rows(texts) -%}
    {%- set policy = redaction_policy() %}
    looked_at as (

    select
        *,
        {{ redaction_steps('row_text', policy) }} as steps
    from {{ texts }}

),

redacted as (

    select
        * except (text_maps, row_text, steps),
        case
            when size(steps) > 0
                then transform(text_maps, texts -> {{ redacted_attributes('texts', 'steps', policy) }})
            else text_maps
        end as maps
    from looked_at

)
{%- endmacro %}
