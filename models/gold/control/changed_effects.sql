{{ config(materialized='table') }}

-- depends_on: {{ ref('changed_hours') }}

-- Changes whose effect Gold measures again in this run: new ones, those that moved and those that
-- are none any more, what happened near them, then or before, and those near hours that were
-- counted again.
{%- set span = "interval " ~ var('change_effect_minutes') ~ " minutes" %}

with known_changes as (

    select
        change_key,
        environment,
        service,
        service_version,
        change_kind,
        new_fingerprints,
        changed_at
    from {{ ref('known_changes') }}

),

held_effects as (

    {{ existing_rows('gold', 'change_effects', {
        'change_key': 'string',
        'environment': 'string',
        'service': 'string',
        'service_version': 'string',
        'change_kind': 'string',
        'new_fingerprints': 'array<string>',
        'changed_at': 'timestamp',
        'build_id': 'string',
    }) | indent(4) }}

),

news as (

    select * from known_changes
    except
    select * except (build_id) from held_effects
    where not {{ is_unfinished_build('build_id') }}

),

-- changes that others have explained: a version that was seen, and reported later
gone as (

    select
        held_effects.change_key,
        held_effects.changed_at
    from held_effects
    left anti join known_changes
        on held_effects.change_key = known_changes.change_key
    where
        {{ is_kept('to_date(held_effects.changed_at)', 'silver.changes') }}

),

-- where they are, and where they were
news_times as (

    select
        news.change_key,
        news.changed_at
    from news
    union distinct
    select * from gone
    union distinct
    select
        held_effects.change_key,
        held_effects.changed_at
    from held_effects
    left semi join news
        on held_effects.change_key = news.change_key

),

changed_hours as (

    select inline(cast(array(
        {%- for first_start, last_end in changed_hours() %}
        named_struct('first_start', '{{ first_start }}', 'last_end', '{{ last_end }}')
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as array<struct<first_start: timestamp, last_end: timestamp>>))

),

near_news as (

    select change_key as touched_key from news_times
    union distinct
    select known_changes.change_key as touched_key
    from known_changes
    inner join news_times
        on
            known_changes.changed_at > news_times.changed_at - 2 * {{ span }}
            and known_changes.changed_at < news_times.changed_at + 2 * {{ span }}
    union distinct
    select known_changes.change_key as touched_key
    from known_changes
    inner join changed_hours
        on
            changed_hours.last_end > known_changes.changed_at - {{ span }}
            and changed_hours.first_start < known_changes.changed_at + {{ span }}

),

all_changes as (

    select
        change_key,
        changed_at
    from known_changes
    union all
    select * from gone

),

-- what Gold tells of a change whose spans are gone is frozen (R6)
changed_effects as (

    select near_news.touched_key
    from near_news
    inner join all_changes
        on near_news.touched_key = all_changes.change_key
    where
        {{ is_kept('to_date(all_changes.changed_at)', 'silver.spans') }}
        and {{ is_kept('to_date(all_changes.changed_at - ' ~ span ~ ')', 'silver.spans') }}

)

select * from changed_effects
