{#-
    Attributes for Silver: names and values redacted, and the whole value masked where the name says
    that it is secret (R13). The first branch of the case stands for a policy that names no attributes.
    Where redaction has made names equal, those that hold a mask or U+FFFD, which are all that it
    changes, get a number each.

    steps: what `redaction_steps` says of a text that holds all names and values; policy: of
    redaction_policy.
-#}
{% macro redacted_attributes(attributes, steps, policy) -%}
    {%- set names = 'slice(redacted, 1, size(' ~ attributes ~ '))' -%}
    transform(
        array(transform(
            concat(map_keys({{ attributes }}), map_values({{ attributes }})),
            text -> {{ redacted('text', steps, policy) }}
        )),
        redacted -> map_from_arrays(
            case
                when size(array_distinct({{ names }})) = size({{ names }}) then {{ names }}
                else transform({{ names }}, (label, place) -> if(
                    label rlike r'\[\w+\]|\x{FFFD}', concat(label, ' #', place), label
                ))
            end,
            zip_with(
                map_keys({{ attributes }}),
                slice(redacted, size({{ attributes }}) + 1, size({{ attributes }})),
                (label, value) -> case
                    when size({{ steps }}) = 0 then value
                    {%- for rule in policy if rule.names %}
                    when
                        array_contains({{ steps }}, {{ rule.number }})
                        and label rlike {{ rule.names }}
                        then {{ rule.value_mask }}
                    {%- endfor %}
                    else value
                end
            )
        )
    )[0]
{%- endmacro %}
