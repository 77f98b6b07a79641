{#-
    Names of attributes, all different again after redaction has made some of them equal: then those
    that hold a mask or U+FFFD, which are all that it changes, get a number each.
-#}
{% macro distinct_names(names) -%}
    case
        when size(array_distinct({{ names }})) = size({{ names }}) then {{ names }}
        else transform({{ names }}, (label, place) -> if(
            label rlike r'\[\w+\]|\x{FFFD}', concat(label, ' #', place), label
        ))
    end
{%- endmacro %}
