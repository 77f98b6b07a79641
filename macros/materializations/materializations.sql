{#-
    dbt's materializations in the form that this project needs: a model without news is not planned
    (R7), and one with news is one statement, without a temporary view and its descriptions. What
    decides is in the lake (has_news), or the text of a view. A change of a model shows in the next
    build that has news, as it always did; `make rebuild` builds all again.
-#}
{% materialization incremental, adapter='spark' -%}
    {%- set strategy = dbt_spark_validate_get_incremental_strategy(
        config.get('incremental_strategy'), config.get('file_format')
    ) -%}
    {%- set existing = load_relation(this) -%}
    {%- if existing is none or should_full_refresh() -%}
        {%- call statement('main') -%}
            {{ create_table_as(false, this, compiled_code) }}
        {%- endcall -%}
    {%- elif not has_news(config.get('meta')['news']) -%}
        {%- call noop_statement('main', 'nothing new') -%}{%- endcall -%}
    {%- elif strategy == 'append' -%}
        {%- call statement('main') -%}
            insert into {{ this }}
            select {{ columns_of(existing) | join(', ', attribute='value') }} from (
                {{ compiled_code }}
            )
        {%- endcall -%}
    {%- else -%}
        {%- set touched = config.require('touched') -%}
        {%- do check_arrivals_are_noted() if touched == 'trace_arrivals' -%}
        {%- set hours = changed_hours() if touched == 'changed_hours' else none -%}
        {%- set dates = none -%}
        {%- if touched == 'changed_hours' -%}
            {%- set dates = dates_of_hours(hours) -%}
        {%- elif touched == 'trace_arrivals' -%}
            {%- set dates = touched_dates() -%}
        {%- elif touched == 'changed_days' or config.get('touched_dates') -%}
            {%- set dates = changed_dates(in_silver=not config.get('from_gold')) -%}
        {%- endif -%}
        {%- set one_key -%}
            select 1 from {{ adapter.get_relation(none, 'control', touched) }} limit 1
        {%- endset -%}
        {%- if dates == '(null)' or dates is none and not once(one_key).rows -%}
            {%- call noop_statement('main', 'nothing touched') -%}{%- endcall -%}
        {%- else -%}
            {%- call statement('main') -%}
                {{ rebuild_touched_sql(this, compiled_code, dates, hours) }}
            {%- endcall -%}
        {%- endif -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this]}) }}
{%- endmaterialization %}


{% materialization table, adapter='spark' -%}
    {%- set existing = load_relation(this) -%}
    {%- if existing is none or should_full_refresh() -%}
        {%- call statement('main') -%}
            {{ create_table_as(false, this, compiled_code) }}
        {%- endcall -%}
    {%- elif not has_news(config.get('meta')['news']) -%}
        {%- call noop_statement('main', 'nothing new') -%}{%- endcall -%}
    {%- else -%}
        {%- call statement('main') -%}
            insert overwrite {{ this }}
            select {{ columns_of(existing) | join(', ', attribute='value') }} from (
                {{ compiled_code }}
            )
        {%- endcall -%}
    {%- endif -%}
    {{ return({'relations': [this]}) }}
{%- endmaterialization %}


{% materialization view, adapter='spark' -%}
    {%- set existing = load_relation(this) -%}
    {%- set mark = local_md5(compiled_code) -%}
    {%- set is_made = existing is not none and existing.is_view -%}
    {#- a list of what changed names the news in its text, and is of no use without any -#}
    {%- set is_list = model.schema == 'control' -%}
    {%- if is_made and (
        mark in existing.information or is_list and not has_news(config.get('meta')['news'])
    ) -%}
        {%- call noop_statement('main', 'unchanged') -%}{%- endcall -%}
    {%- else -%}
        {%- if existing is not none and not existing.is_view -%}
            {%- do run_query('drop table ' ~ existing) -%}
        {%- endif -%}
        {%- call statement('main') -%}
            create or replace view {{ this }}
            tblproperties ('tracekeep.code' = '{{ mark }}')
            as
            {{ compiled_code }}
        {%- endcall -%}
    {%- endif -%}
    {{ return({'relations': [this.incorporate(type='view')]}) }}
{%- endmaterialization %}
