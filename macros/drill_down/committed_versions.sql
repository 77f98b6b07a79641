{#-
    From clause, called `commits`: the versions that a table's log still tells of, as `version`, and
    when they were committed, as `committed_at`. A session in this process gives times in the zone of
    the process, a server in that of its session: the present, asked for the same way, tells which.
-#}
{% macro committed_versions(relation) -%}
    {%- set commits = [] -%}
    {%- set now = run_query(
        'select current_timestamp() as at, unix_micros(current_timestamp()) as micros'
    ).rows[0] -%}
    {%- set is_local = now['at'] is not string
        and (now['at'].timestamp() * 1000000) | round | int == now['micros'] | int -%}
    {%- for commit in run_query('describe history ' ~ relation).rows -%}
        {%- set at = commit['timestamp'] -%}
        {%- set at = at.astimezone(modules.pytz.utc) if is_local else at -%}
        {%- do commits.append('(' ~ commit['version'] ~ ", timestamp '" ~ at ~ "')") -%}
    {%- endfor -%}
    {{ return('values ' ~ commits | join(', ') ~ ' as commits (version, committed_at)') }}
{%- endmacro %}
