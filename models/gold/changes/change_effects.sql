-- depends_on: {{ ref('changed_effects') }}
{{ config(
    partition_by='partition_date',
    touched='changed_effects',
    touched_key=['change_key'],
) }}

-- Over 200 lines: four sides of a change are measured and compared. A table in between
-- would be one more write in each run.

{%- set minutes = var('change_effect_minutes') %}
{%- set span = "interval " ~ minutes ~ " minutes" %}
{%- set dates = effect_dates() if is_incremental() %}
{%- set sides = [
    ('own_before', '', 'before'),
    ('own_after', '', 'after'),
    ('control_before', 'control_', 'before'),
    ('control_after', 'control_', 'after'),
] %}

with known_changes as (

    select
        *,
        changed_at - {{ span }} as before_start,
        changed_at + {{ span }} as after_end
    from {{ ref('known_changes') }}

),

changes as (

    select known_changes.*
    from known_changes
    {% if is_incremental() -%}
    left semi join {{ ref('changed_effects') }} as changed_effects
        on known_changes.change_key = changed_effects.touched_key
    {%- endif %}

),

-- what else changed within the time before or after, by service
neighbours as (

    select
        changes.change_key,
        array_sort(collect_set(nearby.service)) as changed_services,
        count(distinct case
            when nearby.change_key is not null
                then struct(nearby.service, nearby.service_version, nearby.change_kind)
        end) as neighbour_count
    from changes
    left join known_changes as nearby
        on
            changes.change_key <> nearby.change_key
            and (
                changes.environment = nearby.environment
                or 'unknown' in (changes.environment, nearby.environment)
            )
            and changes.before_start < nearby.changed_at
            and changes.after_end > nearby.changed_at
    group by 1

),

-- one row per change and piece of time that it touches; a piece is as long as a side of a change
pieces as (

    select
        changes.*,
        neighbours.changed_services,
        explode(sequence(
            unix_seconds(changes.before_start) div {{ minutes * 60 }},
            unix_seconds(changes.after_end) div {{ minutes * 60 }}
        )) as piece
    from changes
    inner join neighbours
        on changes.change_key = neighbours.change_key

),

requests as (

    select
        environment,
        service,
        service_version,
        started_at,
        latency_ms,
        is_error,
        is_request,
        (unix_seconds(started_at) div {{ minutes * 60 }}) as piece
    from {{ ref('spans') }}
    {% if is_incremental() -%}
    where partition_date in {{ dates }}
    {%- endif %}

),

-- each request by each change near it: of the changed service, or of one that did not change; a
-- change that names no service is one of all
near_requests as (

    select
        pieces.change_key,
        pieces.changed_at <= requests.started_at as is_after,
        coalesce(pieces.service = requests.service, true) as is_own,
        pieces.service_version <=> requests.service_version as is_new_version,
        requests.latency_ms,
        requests.is_error
    from requests
    inner join pieces
        on
            requests.piece = pieces.piece
            and pieces.environment in (requests.environment, 'unknown')
            and requests.started_at >= pieces.before_start
            and requests.started_at < pieces.after_end
    where
        requests.is_request
        and (
            coalesce(pieces.service = requests.service, true)
            or not array_contains(pieces.changed_services, requests.service)
        )

),

sided_requests as (

    select
        *,
        concat(if(is_own, 'own', 'control'), if(is_after, '_after', '_before')) as side
    from near_requests

),

-- one row per change
effects as (

    select
        changes.change_key,
        {%- for side, prefix, suffix in sides %}
        count_if(requests.side = '{{ side }}') as {{ prefix }}request_count_{{ suffix }},
        count_if(requests.side = '{{ side }}' and requests.is_error)
            as {{ prefix }}error_count_{{ suffix }},
        percentile(
            case when requests.side = '{{ side }}' then requests.latency_ms end, array(0.5, 0.95)
        ) as {{ prefix }}percentiles_{{ suffix }},
        {%- endfor %}
        count_if(requests.side = 'own_after' and requests.is_new_version) as new_version_count
    from changes
    left join sided_requests as requests
        on changes.change_key = requests.change_key
    group by 1

),

joined as (

    select
        changes.change_key,
        changes.change_source,
        changes.change_type,
        changes.change_kind,
        changes.change_id,
        changes.service,
        changes.environment,
        changes.service_version,
        changes.changed_at,
        neighbours.neighbour_count,
        changes.new_fingerprints,
        effects.* except (change_key)
    from changes
    inner join neighbours
        on changes.change_key = neighbours.change_key
    inner join effects
        on changes.change_key = effects.change_key

),

-- rates are null without a request
measured as (

    select
        *,
        try_divide(error_count_before, request_count_before)
            as error_rate_before,
        percentiles_before[0] as p50_latency_ms_before,
        percentiles_before[1] as p95_latency_ms_before,
        try_divide(error_count_after, request_count_after)
            as error_rate_after,
        percentiles_after[0] as p50_latency_ms_after,
        percentiles_after[1] as p95_latency_ms_after,
        try_divide(control_error_count_before, control_request_count_before)
            as control_error_rate_before,
        control_percentiles_before[0] as control_p50_latency_ms_before,
        control_percentiles_before[1] as control_p95_latency_ms_before,
        try_divide(control_error_count_after, control_request_count_after)
            as control_error_rate_after,
        control_percentiles_after[0] as control_p50_latency_ms_after,
        control_percentiles_after[1] as control_p95_latency_ms_after
    from joined

),

change_effects as (

    select
        change_key,
        change_source,
        change_type,
        change_kind,
        change_id,
        service,
        environment,
        service_version,
        new_fingerprints,
        neighbour_count,
        cast(size(new_fingerprints) as bigint) as new_pattern_count,
        {%- for side, prefix, suffix in sides %}
        {{ prefix }}request_count_{{ suffix }},
        {{ prefix }}error_count_{{ suffix }},
        {{ prefix }}error_rate_{{ suffix }},
        {{ prefix }}p50_latency_ms_{{ suffix }},
        {{ prefix }}p95_latency_ms_{{ suffix }},
        {%- endfor %}
        case
            when service_version is not null
                then try_divide(new_version_count, request_count_after)
        end as new_version_share,
        -- beside what happened to services that did not change
        error_rate_after - error_rate_before
        - coalesce(control_error_rate_after - control_error_rate_before, 0d) as error_rate_effect,
        try_divide(p95_latency_ms_after, p95_latency_ms_before)
        / coalesce(try_divide(control_p95_latency_ms_after, control_p95_latency_ms_before), 1d)
            as p95_latency_effect,
        changed_at,
        to_date(changed_at) as partition_date,
        {{ pinned_version() }} as bronze_version,
        {{ silver_version() }} as silver_version,
        {{ build_id() }} as build_id
    from measured

)

select * from change_effects
