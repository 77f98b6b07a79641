{#-
    List of literals: the dates that a query gives; a null date if it gives none. Written out, so that
    Delta skips the files of all other days (R7).
-#}
{% macro date_literals(query) -%}
    {%- set dates = once(query).columns[0].values() -%}
    {{ return("(date'" ~ dates | join("', date'") ~ "')" if dates else '(null)') }}
{%- endmacro %}
