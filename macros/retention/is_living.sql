{#-
    Predicate: the event had not expired on arrival; true, and no look at any table, before the first
    day has expired. Arguments are those of is_expired_on_arrival.
-#}
{% macro is_living(rows, time) -%}
    {%- set expired = is_expired_on_arrival(rows, time) -%}
    {{ return('true' if expired == 'false' else 'not ' ~ expired) }}
{%- endmacro %}
