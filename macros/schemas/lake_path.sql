{#- Absolute path of the lake, which is the warehouse folder of either target; '' while parsing. -#}
{% macro lake_path() -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set path = once('set spark.sql.warehouse.dir').rows[0][1] -%}
    {{ return(modules.re.sub('/+$', '', modules.re.sub('^file:/+', '/', path))) }}
{%- endmacro %}
