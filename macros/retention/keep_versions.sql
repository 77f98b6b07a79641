{#-
    Statements run here: each table of each layer gets the travel window that the variables state,
    and loses the files of versions beyond it.

    vacuum: false leaves the files to the caller.
-#}
{% macro keep_versions(vacuum=true) -%}
    {%- for layer in ['bronze', 'silver', 'gold', 'control'] -%}
        {%- for relation in delta_tables(layer) -%}
            {%- do set_properties(relation, travel_windows(layer)) -%}
            {%- if vacuum -%}
                {%- do run_query('vacuum ' ~ relation) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
