{#-
    Array of places where circles of parents are cut to make trees of them: the least place of each.

    parent_places: array of the places of the parents, from 1; 0 for none.
-#}
{% macro cycle_roots(parent_places) -%}
    transform(
            -- up from each place, doubled each round: only circles never end, and all of a round
            -- that has covered the whole trace stand in them
            array(aggregate(
                sequence(1, {{ log2_rounds(parent_places) }}),
                transform({{ parent_places }}, (parent, place) -> struct(
                    parent as up, cast(place + 1 as int) as least
                )),
                (climbed, turn) -> transform(climbed, span -> if(span.up = 0, span, struct(
                    element_at(climbed, span.up).up as up,
                    least(span.least, element_at(climbed, span.up).least) as least
                )))
            )),
            climbed -> array_distinct(transform(
                filter(climbed, span -> span.up > 0),
                span -> element_at(climbed, span.up).least
            ))
        )[0]
{%- endmacro %}
