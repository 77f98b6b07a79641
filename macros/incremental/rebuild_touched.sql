{#-
    Incremental strategy `rebuild_touched` (R6): in one commit, delete every row of the touched
    keys wherever one is, and insert the model's rows.

    Configuration of the model:
      touched      name of the model that lists the touched keys in its column `touched_key`
      touched_key  columns of the model whose first non-null value is the key
      touched_dates  true if the rows of the keys are on the days alone that a macro names:
                   touched_dates in Silver, changed_dates for changed_traces, else dates_of
    The model's rows must be all rows of the touched keys, and no others. A `+` before their key
    keeps them from matching an old row, and spreads them over the tasks.
-#}
{% macro rebuild_touched_sql(source, target) -%}
    {%- set touched = config.require('touched') -%}
    {%- set dates = none -%}
    {%- if config.get('touched_dates') and model.schema == 'silver' -%}
        {%- do check_arrivals_are_noted() -%}
        {%- set dates = touched_dates() -%}
    {%- elif config.get('touched_dates') and touched == 'changed_traces' -%}
        {%- set dates = changed_dates() -%}
    {%- elif config.get('touched_dates') -%}
        {%- set dates = dates_of(ref(touched)) -%}
    {%- endif -%}
    {%- set key = config.require('touched_key') -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | list -%}
    merge into {{ target }} as old
    using (
        select
            {{ columns | join(',\n            ') }},
            concat('+', cast(coalesce({{ key | join(', ') }}) as string)) as merge_key,
            false as is_tombstone
        from {{ source }}
        union all
        select
            {%- for column in columns %}
            null as {{ column }},
            {%- endfor %}
            cast(touched_key as string) as merge_key,
            true as is_tombstone
        from {{ ref(touched) }}
    ) as new
    on
        {%- if dates %}
        old.partition_date in {{ dates }} and
        {%- endif %}
        cast(coalesce(old.{{ key | join(', old.') }}) as string) = new.merge_key
    when matched then delete
    when not matched and not new.is_tombstone then insert (
        {{ columns | join(', ') }}
    ) values (
        new.{{ columns | join(', new.') }}
    )
{%- endmacro %}
