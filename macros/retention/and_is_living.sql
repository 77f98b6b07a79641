{#-
    End of a condition: the event is none that had expired on arrival; nothing before the first day
    has expired. Arguments are those of is_expired_on_arrival.
-#}
{% macro and_is_living(rows, time) -%}
    {%- if expired_dates('silver.spans') is not none %}
    and not {{ is_expired_on_arrival(rows, time) }}
    {%- endif -%}
{%- endmacro %}
