{#- Statement run here: sets table properties that differ from what is wanted; no commit else. -#}
{% macro set_properties(relation, wanted) -%}
    {%- set held = {} -%}
    {%- for row in run_query('show tblproperties ' ~ relation).rows -%}
        {%- do held.update({row['key']: row['value']}) -%}
    {%- endfor -%}
    {%- set changed = [] -%}
    {%- for name, value in wanted.items() if held.get(name) != value -%}
        {%- do changed.append("'" ~ name ~ "' = '" ~ value ~ "'") -%}
    {%- endfor -%}
    {%- if changed -%}
        {%- do run_query(
            'alter table ' ~ relation ~ ' set tblproperties (' ~ changed | join(', ') ~ ')'
        ) -%}
    {%- endif -%}
{%- endmacro %}
