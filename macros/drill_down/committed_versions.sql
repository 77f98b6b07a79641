{#-
    From clause, called `commits`: the versions that a table's log still tells of, as `version`, and
    when they were committed, as `committed_at`.
-#}
{% macro committed_versions(relation) -%}
    {%- set commits = [] -%}
    {%- for commit in run_query('describe history ' ~ relation).rows -%}
        {%- do commits.append(
            '(' ~ commit['version'] ~ ", timestamp '" ~ commit['timestamp'] ~ "')"
        ) -%}
    {%- endfor -%}
    {{ return('values ' ~ commits | join(', ') ~ ' as commits (version, committed_at)') }}
{%- endmacro %}
