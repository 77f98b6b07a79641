{#-
    Statement of the incremental strategy `rebuild_touched` (R6): in one commit, delete every row of
    the touched keys wherever one is, and insert the model's rows.

    Configuration of the model:
      touched      which keys: changed_days, changed_hours, another model of control with a column
                   `touched_key`, or touched_traces or touched_changes
      touched_key  columns of the model whose first non-null value is the key; not for days and hours,
                   which are replaced by REPLACE WHERE: it needs no join
      touched_dates  true if the rows of the keys are on the days alone that touched_dates names in
                   Silver, changed_dates in Gold
    The model's rows must be all rows of the touched keys, and no others. A `+` before their key
    keeps them from matching an old row, and spreads them over the tasks.
-#}
{% macro rebuild_touched_sql(target, sql) -%}
    {%- set touched = config.require('touched') -%}
    {%- set columns = columns_of(target) -%}
    {%- if is_touched(touched) is not none -%}
        insert into {{ target }} replace where {{ is_touched(touched) }}
        select {{ columns | join(', ', attribute='value') }} from (
            {{ sql }}
        )
    {%- else -%}
        {%- set key = config.require('touched_key') -%}
        {%- set dates = none -%}
        {%- if config.get('touched_dates') and touched == 'touched_traces' -%}
            {%- set dates = touched_dates() -%}
        {%- elif config.get('touched_dates') -%}
            {%- set dates = changed_dates() -%}
        {%- endif -%}
        merge into {{ target }} as old
        using (
            select
                {{ columns | join(', ', attribute='value') }},
                concat('+', cast(coalesce({{ key | join(', ') }}) as string)) as merge_key,
                false as is_tombstone
            from (
                {{ sql }}
            )
            union all
            select distinct
                {%- for column in columns %}
                null as {{ column.name }},
                {%- endfor %}
                cast(touched_key as string) as merge_key,
                true as is_tombstone
            from (
                {{ touched_keys(touched) }}
            )
        ) as new
        on
            {%- if dates %}
            old.partition_date in {{ dates }} and
            {%- endif %}
            cast(coalesce(old.{{ key | join(', old.') }}) as string) = new.merge_key
        when matched then delete
        when not matched and not new.is_tombstone then insert (
            {{ columns | join(', ', attribute='name') }}
        ) values (
            new.{{ columns | join(', new.', attribute='name') }}
        )
    {%- endif -%}
{%- endmacro %}
