{#-
    Where pointers lead: an array of places in itself (from 1; 0 for nowhere), each followed until
    one points to itself. The steps double each round, so a chain of 50,000 takes 16 rounds; a place
    in a circle leads to some place of the circle.
-#}
{% macro root_of_pointers(pointers) -%}
    aggregate(
            sequence(1, {{ log2_rounds(pointers) }}),
            {{ pointers }},
            (reached, turn) -> transform(
                reached, place -> if(place = 0, 0, element_at(reached, place))
            )
        )
{%- endmacro %}
