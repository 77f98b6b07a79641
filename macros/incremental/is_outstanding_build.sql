{#-
    Predicate: the Silver build is one of outstanding_builds, that is, this Gold run takes it.

    column: build id of a Silver row.
-#}
{% macro is_outstanding_build(column) -%}
    {%- set builds = outstanding_builds() -%}
    {{ return(column ~ " in ('" ~ builds | join("', '") ~ "')" if builds else 'false') }}
{%- endmacro %}
