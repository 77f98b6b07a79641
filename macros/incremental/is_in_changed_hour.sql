{#-
    Predicate: a time lies in an hour that this run counts again, written out as ranges; so one of
    changed_hours. False if there are none.

    timestamp: expression; a column alone where Delta shall skip files by it.
-#}
{% macro is_in_changed_hour(timestamp) -%}
    {%- set terms = [] -%}
    {%- for first_start, last_end in changed_hours() -%}
        {%- do terms.append(
            timestamp ~ " >= timestamp'" ~ first_start ~ "' and " ~ timestamp ~ " < timestamp'"
            ~ last_end ~ "'"
        ) -%}
    {%- endfor -%}
    {{ return('(' ~ terms | join(' or ') ~ ')' if terms else 'false') }}
{%- endmacro %}
