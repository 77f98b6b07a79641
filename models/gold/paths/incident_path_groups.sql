-- depends_on: {{ ref('changed_path_groups') }}
{{ config(touched='changed_path_groups', touched_key=['shape_hash']) }}

with incident_path_groups as (

    select
        totals.*,
        {{ pinned_version() }} as bronze_version,
        {{ delta_version(ref('spans')) }} as silver_version,
        {{ build_id() }} as build_id
    from {{ ref('incident_path_totals') }} as totals
    {% if is_incremental() -%}
    left semi join {{ ref('changed_path_groups') }} as changed_path_groups
        on totals.shape_hash = changed_path_groups.touched_key
    {%- endif %}

)

select * from incident_path_groups
