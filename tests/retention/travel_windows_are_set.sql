-- R11: a version can be read for as long as the variables say: Delta refuses it beyond a property of
-- the table, which expire_layers sets. Returns the tables whose properties say less.
{%- set wrong = [] %}
{%- for layer in ['bronze', 'silver', 'gold'] if execute %}
    {%- for relation in delta_tables(layer) %}
        {%- for name in short_travel_windows(relation, layer) %}
            {%- do wrong.append("('" ~ relation ~ "', '" ~ name ~ "')") %}
        {%- endfor %}
    {%- endfor %}
{%- endfor %}

{%- if wrong %}
select * from values {{ wrong | join(', ') }} as wrong (table_name, property)
{%- else %}
select 'none' as table_name, 'none' as property where false
{%- endif %}
