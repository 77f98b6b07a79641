{#-
    Predicate: the Silver build is one that this Gold run takes, that is, booked in Silver and
    named by no build of Gold (the set difference of R6).

    column: build id of a Silver row.
-#}
{% macro is_outstanding_build(column) -%}
    {%- set builds = outstanding_builds() -%}
    {{ return(column ~ " in ('" ~ builds | join("', '") ~ "')" if builds else 'false') }}
{%- endmacro %}
