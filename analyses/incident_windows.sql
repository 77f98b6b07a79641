{#-
    Drill-down, first step: which windows failed? For a time of your own, as it looked then:
    dbt show --inline "{{ incident_windows('2026-01-12T10:15', '2026-01-12T10:35',
        service='checkout', as_of='2026-01-12T11:00') }}"
-#}
-- Windows of the generated day whose requests failed more often than not, most errors first:
-- `sample_trace_ids` leads to the traces; versions and `build_id` say what a window was built from
-- (R11). `dbt show --select incident_windows`
{{ incident_windows('2026-01-12', '2026-01-13') }}
