{#-
    Statement of the incremental strategy `rebuild_touched` (R6): in one commit, delete every row of
    the touched keys wherever one is, and insert the model's rows.

    Configuration of the model:
      touched      which keys: changed_days, changed_hours, or another model of control with a column
                   `touched_key`
      touched_key  columns of the model whose first non-null value is the key; not for days and hours,
                   which are replaced by REPLACE WHERE: it needs no join
      touched_dates  of a model of Gold: true if the rows of the keys are on the changed days alone
      from_gold    true if the model also builds days that Silver no longer holds: late errors, patterns
    The model's rows must be all rows of the touched keys, and no others. A `+` before their key
    keeps them from matching an old row, and spreads them over the tasks.

    dates: list of literals, the days that have rows of the keys; none for any day. hours: of
    changed_hours, for a model of hours.
-#}
{% macro rebuild_touched_sql(target, sql, dates, hours) -%}
    {%- set touched = config.require('touched') -%}
    {%- set columns = columns_of(target) -%}
    {%- if touched in ('changed_days', 'changed_hours') -%}
        insert into {{ target }} replace where partition_date in {{ dates }}
        {{- ' and ' ~ is_in_hours('window_start', hours) if touched == 'changed_hours' }}
        select {{ columns | join(', ', attribute='value') }} from (
            {{ sql }}
        )
    {%- else -%}
        {%- set key = config.require('touched_key') -%}
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
            from {{ adapter.get_relation(none, 'control', touched) }}
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
