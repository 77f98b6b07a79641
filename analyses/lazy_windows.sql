{#-
    Windows that no run has built, as of a version of silver.spans:
    dbt show --limit 100 --inline "{{ endpoint_windows('2026-01-12', '2026-01-13', minutes=10,
        as_of=2) }}"
-#}
-- Windows of ten minutes of the generated day, 2026-01-12, from Silver as it is now; write the time
-- of your own data. `dbt show --select lazy_windows --limit 100`
{{ endpoint_windows('2026-01-12', '2026-01-13', minutes=10) }}
