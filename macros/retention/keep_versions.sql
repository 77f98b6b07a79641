{#-
    Statements run here: each table of each layer gets the travel window that the variables state,
    and loses the files of versions beyond it.
-#}
{% macro keep_versions() -%}
    {%- for layer in ['bronze', 'silver', 'gold'] -%}
        {%- for relation in delta_tables(layer) -%}
            {%- do set_properties(relation, travel_windows(layer)) -%}
            {%- do run_query('vacuum ' ~ relation) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
