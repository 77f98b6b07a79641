{#-
    From clause, called `commits`: the versions that a table's log still tells of, as `version`, and
    when they were committed, as `committed_at`. A session in this process gives times in the zone of
    the process, a server in that of its session.
-#}
{% macro committed_versions(relation) -%}
    {%- set commits = [] -%}
    {%- for commit in run_query('describe history ' ~ relation).rows -%}
        {%- set at = commit['timestamp'] -%}
        {%- set at = at.astimezone(modules.pytz.utc) if target.method == 'session' else at -%}
        {%- do commits.append('(' ~ commit['version'] ~ ", timestamp '" ~ at ~ "')") -%}
    {%- endfor -%}
    {{ return('values ' ~ commits | join(', ') ~ ' as commits (version, committed_at)') }}
{%- endmacro %}
