{#-
    Predicate: a time lies in one of some hours, written out as ranges; false if there are none.

    timestamp: expression; a column alone where Delta shall skip files by it. hours: of changed_hours.
-#}
{% macro is_in_hours(timestamp, hours) -%}
    {%- set terms = [] -%}
    {%- for first_start, last_end in hours -%}
        {%- do terms.append(
            timestamp ~ " >= timestamp'" ~ first_start ~ "' and " ~ timestamp ~ " < timestamp'"
            ~ last_end ~ "'"
        ) -%}
    {%- endfor -%}
    {{ return('(' ~ terms | join(' or ') ~ ')' if terms else 'false') }}
{%- endmacro %}
