{#-
    The rows of a model that a generic test looks at: dbt's, and of a table that is built day by day
    only the days that the tests of this command look at.

    relation: the model.
-#}
{% macro spark__get_where_subquery(relation) -%}
    {%- set terms = [config.get('where')] if config.get('where') else [] -%}
    {%- if execute and tested_builds() is not none -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model'
            and node.schema == relation.schema and node.alias == relation.identifier
            and node.config.materialized == 'incremental' and 'partition_date' in node.columns -%}
            {%- do terms.append(is_tested_date('partition_date')) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if not terms -%}
        {{ return(relation) }}
    {%- endif -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ terms | join(' and ') ~ ') as tested') }}
{%- endmacro %}
