{#-
    Drill-down, second step: what happened in these traces? For traces of your own and another time:
    dbt show --inline "{{ trace_rows(['4bf92f3577b34da6a3ce929d0e0e4736'],
        as_of='2026-01-12T11:00') }}" --limit 100
-#}
-- The traces of the worst window, whole, from Silver as of the version that their rows in Gold
-- name: late data may have changed them since. `dbt show --select incident_traces --limit 100`
{{ trace_rows(worst_trace_ids()) }}
