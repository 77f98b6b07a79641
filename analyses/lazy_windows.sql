{#-
    Windows that no run has built, as Silver stood at a time:
    dbt show --inline "{{ endpoint_windows('2026-01-12', '2026-01-13', minutes=10,
        as_of='2026-01-13T08:00') }}"
-#}
-- Windows of ten minutes, from Silver as it is now. `dbt show --select lazy_windows`
{{ endpoint_windows('2026-01-12', '2026-01-13', minutes=10) }}
