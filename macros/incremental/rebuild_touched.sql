{#-
    Incremental strategy `rebuild_touched` (R6): in one commit, delete every row of the touched
    keys wherever one is, and insert the model's rows.

    Configuration of the model:
      touched      name of the model that lists the touched keys in its column `touched_key`
      touched_key  columns of the model whose first non-null value is the key
    The model's rows must be all rows of the touched keys, and no others.
-#}
{% macro rebuild_touched_sql(source, target) -%}
    {%- set touched = config.require('touched') -%}
    {%- set columns = adapter.get_columns_in_relation(target) | map(attribute='quoted') | list -%}
    merge into {{ target }} as old
    using (
        select
            {{ columns | join(',\n            ') }},
            cast(null as string) as touched_key
        from {{ source }}
        union all
        select
            {%- for column in columns %}
            null as {{ column }},
            {%- endfor %}
            cast(touched_key as string) as touched_key
        from {{ ref(touched) }}
    ) as new
    on cast(coalesce(
        {%- for column in config.require('touched_key') -%}
        old.{{ column }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    ) as string) = new.touched_key
    when matched then delete
    when not matched and new.touched_key is null then insert (
        {{ columns | join(', ') }}
    ) values (
        {%- for column in columns -%}
        new.{{ column }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}
