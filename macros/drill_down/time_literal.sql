{#- SQL literal of a time such as 2026-01-12, 2026-01-12T10:15 or with a zone; UTC without one. -#}
{% macro time_literal(time) -%}
    {%- set text = time | string -%}
    {%- set day = '[0-9]{4}-[0-9]{2}-[0-9]{2}' -%}
    {%- set clock = '[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?' -%}
    {%- if not modules.re.fullmatch(day ~ '([T ]' ~ clock ~ ')?', text) -%}
        {%- do exceptions.raise_compiler_error(
            'No time: ' ~ text ~ '. Write it as 2026-01-12T10:15 or 2026-01-12 10:15:00'
        ) -%}
    {%- endif -%}
    timestamp '{{ text }}'
{%- endmacro %}
