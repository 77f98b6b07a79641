{#-
    Names of what no column could take as it came (R15), sorted; its text stays in the attributes.
    Ingest leaves the fields that it could not read as attributes `tracekeep.unreadable.<field>`.

    readings: name of an attribute -> the expression that reads it, which gives null where it cannot.
-#}
{% macro unreadable_attributes(attributes, readings) -%}
    array_sort(concat(
        transform(
            filter(map_keys({{ attributes }}), name -> name like 'tracekeep.unreadable.%'),
            name -> substring_index(name, '.', -1)
        ),
        filter(
            array(
                {%- for name, reading in readings.items() %}
                case
                    when {{ attributes }}['{{ name }}'] <> '' and {{ reading }} is null
                        then '{{ name }}'
                end{{ ',' if not loop.last }}
                {%- endfor %}
            ),
            name -> name is not null
        )
    ))
{%- endmacro %}
