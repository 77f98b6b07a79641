{#-
    Drill-down, first step: which windows failed? For a time of your own, as version 2 of
    gold.endpoint_minutes told it:
    dbt show --limit 100 --inline "{{ incident_windows('2026-01-12T10:15', '2026-01-12T10:35',
        service='checkout', as_of=2) }}"
-#}
-- Windows of the generated day, 2026-01-12, whose requests failed more often than not, most errors
-- first; write the time of your own data. `sample_trace_ids` leads to the traces; versions and
-- `build_id` say what a window was built from (R11).
-- `dbt show --select incident_windows --limit 100`
{{ incident_windows('2026-01-12', '2026-01-13') }}
