{#-
    Attributes for Silver: names and values redacted, and the whole value masked where the name says
    that it is secret (R13).
-#}
{% macro redacted_attributes(attributes) -%}
    {%- set policy = redaction_policy() -%}
    case
        when concat_ws('\n', map_keys({{ attributes }}), map_values({{ attributes }})) rlike
            {{ policy.signs }}
            then transform(
                array(transform(
                    concat(map_keys({{ attributes }}), map_values({{ attributes }})),
                    text -> {{ redacted('text') }}
                )),
                redacted -> map_from_arrays(
                    {{ distinct_names('slice(redacted, 1, size(' ~ attributes ~ '))') }},
                    zip_with(
                        map_keys({{ attributes }}),
                        slice(redacted, size({{ attributes }}) + 1, size({{ attributes }})),
                        (label, value) -> case
                            {%- for rule in policy.attributes %}
                            when label rlike {{ rule.pattern }} then {{ rule.mask }}
                            {%- endfor %}
                            else value
                        end
                    )
                )
            )[0]
        else {{ attributes }}
    end
{%- endmacro %}
