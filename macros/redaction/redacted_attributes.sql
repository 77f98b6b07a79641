{#-
    Attributes for Silver: names and values redacted, and the whole value masked where the name says
    that it is secret (R13). The first branch of the case stands for a policy that names no attributes.

    steps: what `redaction_steps` says of a text that holds all names and values.
-#}
{% macro redacted_attributes(attributes, steps) -%}
    transform(
        array(transform(
            concat(map_keys({{ attributes }}), map_values({{ attributes }})),
            text -> {{ redacted('text', steps) }}
        )),
        redacted -> map_from_arrays(
            {{ distinct_names('slice(redacted, 1, size(' ~ attributes ~ '))') }},
            zip_with(
                map_keys({{ attributes }}),
                slice(redacted, size({{ attributes }}) + 1, size({{ attributes }})),
                (label, value) -> case
                    when size({{ steps }}) = 0 then value
                    {%- for rule in redaction_policy() if rule.names %}
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
