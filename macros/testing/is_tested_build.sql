{#-
    Predicate: a row is of a Silver build that the tests of this command look at; true for everything.

    column: build id of a Silver row.
-#}
{% macro is_tested_build(column) -%}
    {%- set builds = tested_builds() -%}
    {%- if builds is none -%}
        {{ return('true') }}
    {%- endif -%}
    {{ return(column ~ " in ('" ~ builds | join("', '") ~ "')" if builds else 'false') }}
{%- endmacro %}
