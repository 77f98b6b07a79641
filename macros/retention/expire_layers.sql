{#-
    Removes what each layer has kept for long enough (R12): for `dbt run-operation expire_layers`.
    Days that have expired are noted in control.expired_days first, then their rows are deleted, then
    their files; cut short anywhere, the next one ends it. At last each table gets its window of time
    travel and loses older versions.

    now: ISO time to take for the present, UTC unless it names a zone, for tests and for a look ahead;
    default the clock.
    dry_run: only tell what would go. vacuum: false leaves the files of old versions to the caller.
-#}
{% macro expire_layers(now=none, dry_run=false, vacuum=true) -%}
    {%- do register_bronze_sources() -%}
    {%- for layer, table in [
        ('control', 'batch_books'), ('control', 'frozen_traces'), ('gold', 'build_versions'),
        ('control', 'expired_days'),
    ] -%}
        {%- if existing_table(layer, table) is none -%}
            {%- do exceptions.raise_compiler_error(
                layer ~ '.' ~ table ~ ' is not there: build Silver and Gold first (`dbt run '
                ~ '--select silver`, then gold). Nothing has expired.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set arrivals = existing_table('control', 'trace_arrivals') -%}
    {%- if run_query('select 1 from ' ~ arrivals ~ ' limit 1').rows -%}
        {%- do exceptions.raise_compiler_error(
            'A run of Silver is at work, or was cut short and waits for the next one to end it. '
            ~ 'Nothing has expired.'
        ) -%}
    {%- endif -%}
    {%- if now -%}
        {%- set present = modules.datetime.datetime.fromisoformat(now | string) -%}
        {%- set today = (present.astimezone(modules.pytz.utc) if present.tzinfo else present).date() -%}
    {%- else -%}
        {%- set today = run_query('select current_date()').rows[0][0] -%}
    {%- endif -%}
    {%- set plan = expiry_plan(today) -%}
    {%- for step in plan -%}
        {%- do print(
            step.name ~ ': ' ~ step.days | length ~ ' days, ' ~ step.days | first ~ ' to '
            ~ step.days | last ~ ', ' ~ step.rows | sum(attribute='record_count') ~ ' rows'
        ) -%}
    {%- endfor -%}
    {%- if not dry_run -%}
        {%- do note_expiry(plan) -%}
        {%- do freeze_traces(plan) -%}
        {%- for step in plan -%}
            {%- do run_query(
                'delete from ' ~ step.relation ~ " where partition_date in (date'"
                ~ step.days | join("', date'") ~ "')"
            ) -%}
        {%- endfor -%}
        {#- else each VACUUM commits twice, also where there is nothing to remove -#}
        {%- do run_query('set spark.databricks.delta.vacuum.logging.enabled = false') -%}
        {%- do remove_expired_files() -%}
        {%- do forget_unseen_keys(today) -%}
        {%- do keep_versions(vacuum) -%}
    {%- endif -%}
{%- endmacro %}
