-- R11: a version can be read for as long as the variables say: Delta refuses it beyond a property
-- of the table, which expire_layers sets. Returns the tables whose properties say less; only a
-- look at everything asks them.
{%- set short = [] %}
{%- for layer in ['bronze', 'silver', 'gold'] if execute and tested_builds() is none %}
    {%- for relation in delta_tables(layer) %}
        {%- for name in short_travel_windows(relation, layer) %}
            {%- do short.append(relation ~ ': ' ~ name) %}
        {%- endfor %}
    {%- endfor %}
{%- endfor %}

with short as (

    select explode(cast(
        array({{ "'" ~ short | join("', '") ~ "'" if short }}) as array<string>
    )) as table_property

)

select * from short
