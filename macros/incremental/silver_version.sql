{#- Literal: the version of silver.spans that this Gold run reads (R11); null before the first. -#}
{% macro silver_version() -%}
    {%- set spans = adapter.get_relation(none, 'silver', 'spans') -%}
    {%- set query = 'describe history ' ~ spans ~ ' limit 1' -%}
    cast({{ once(query).rows[0][0] if spans else 'null' }} as bigint)
{%- endmacro %}
