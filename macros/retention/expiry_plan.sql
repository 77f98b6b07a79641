{#-
    List of what is to expire, a dictionary a table with days that are due: name (layer.table),
    relation, days (dates), rows (day, ingest batch, rows). A day stays in all tables of its layer
    for as long as Gold has not taken all of its rows or ingest may write to it, and in Silver for as
    long as an earlier one does: traces go on to later days, never to earlier ones (R6). The log says
    so.

    today: date.
-#}
{% macro expiry_plan(today) -%}
    {%- set plan, kept = [], {} -%}
    {%- for rule in retention_rules() -%}
        {%- set relation = existing_table(rule.layer, rule.table) -%}
        {%- set query = days_to_expire(rule, relation, "date'" ~ today ~ "'") if relation -%}
        {%- set rows = run_query(query).rows if relation else [] -%}
        {%- for row in rows if row['untaken_count'] -%}
            {%- do kept.setdefault(rule.layer, []).append(row['partition_date']) -%}
        {%- endfor -%}
        {%- do plan.append({'rule': rule, 'relation': relation, 'rows': rows}) -%}
    {%- endfor -%}
    {%- set first_kept = kept.get('silver', []) | min -%}
    {%- for step in plan if step.rule.layer == 'silver' and first_kept -%}
        {%- for row in step.rows if row['partition_date'] > first_kept -%}
            {%- do kept['silver'].append(row['partition_date']) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for layer, days in kept.items() -%}
        {%- do print(
            layer ~ ': ' ~ days | unique | sort | join(', ')
            ~ ' stay: Gold has not taken all of their rows yet, or ingest has not finished them'
            ~ (', or those of an earlier day' if layer == 'silver')
        ) -%}
    {%- endfor -%}
    {%- set due = [] -%}
    {%- for step in plan -%}
        {%- set rows = step.rows
            | rejectattr('partition_date', 'in', kept.get(step.rule.layer, [])) | list -%}
        {%- if rows -%}
            {%- do due.append({
                'name': step.rule.layer ~ '.' ~ step.rule.table,
                'relation': step.relation,
                'days': rows | map(attribute='partition_date') | unique | list,
                'rows': rows,
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(due) }}
{%- endmacro %}
