{#-
    Whether a model may have anything to do in this run: a boolean, from the books alone. Not so, its
    statement is not even planned (R7).

    kind: ledger (ingest batches that nobody has pinned), batches (pinned, not booked in Silver),
    builds (of Silver that Gold has not taken, errors erased from Gold alone, a new version of the
    pattern rules), never (the table is made once and filled by an operation).
-#}
{% macro has_news(kind) -%}
    {%- if kind == 'never' -%}
        {{ return(false) }}
    {%- elif kind == 'ledger' -%}
        {%- set pinned = adapter.get_relation(none, 'control', 'pinned_batches') -%}
        {%- if pinned is none -%}
            {{ return(true) }}
        {%- endif -%}
        {%- set query -%}
            select 1 from {{ source('bronze', 'ingest_batches') }} as ledger
            left anti join {{ pinned }} as pinned
                on ledger.ingest_batch = pinned.ingest_batch
            limit 1
        {%- endset -%}
        {{ return(once(query).rows | length > 0) }}
    {%- elif kind == 'batches' -%}
        {{ return(outstanding_batches() | length > 0) }}
    {%- elif kind == 'builds' -%}
        {{ return(
            outstanding_builds() | length > 0
            or var('erased_error_days', []) | length > 0
            or new_rule_versions() | length > 0
        ) }}
    {%- endif -%}
    {%- do exceptions.raise_compiler_error(
        "meta.news is '" ~ kind ~ "': one of ledger, batches, builds, never."
    ) -%}
{%- endmacro %}
