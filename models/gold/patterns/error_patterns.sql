-- depends_on: {{ ref('changed_patterns') }}
{{ config(touched='changed_patterns', touched_key=['fingerprint']) }}

with error_patterns as (

    select
        totals.*,
        {{ pinned_version() }} as bronze_version,
        {{ delta_version(ref('spans')) }} as silver_version,
        {{ build_id() }} as build_id
    from {{ ref('error_pattern_totals') }} as totals
    {% if is_incremental() -%}
    left semi join {{ ref('changed_patterns') }} as changed_patterns
        on totals.fingerprint = changed_patterns.touched_key
    {%- endif %}

)

select * from error_patterns
