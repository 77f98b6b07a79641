{#-
    Not SQL but an error if the metastore says that a schema of the lake is at another place: the
    lake was copied or moved, and a statement would change the tables at the old place.
-#}
{% macro check_lake_is_here(root) -%}
    {%- set known = run_query('show schemas').columns[0].values() -%}
    {%- for schema in ['bronze', 'silver', 'gold', 'control'] if schema in known -%}
        {%- set facts = dict(run_query('describe schema ' ~ schema).rows.values()) -%}
        {%- set place = modules.re.sub('^file:/+', '/', facts['Location']) -%}
        {%- if place != root ~ '/' ~ schema -%}
            {{ exceptions.raise_compiler_error(
                "The lake is " ~ root ~ ", but its metastore says that the schema " ~ schema
                ~ " is " ~ place ~ ": the lake was copied or moved, and this command would change"
                ~ " the tables there. It has changed nothing. `python -m tracekeep run` mends the"
                ~ " metastore and builds; `python -m tracekeep expire --dry-run` only mends it."
            ) }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
