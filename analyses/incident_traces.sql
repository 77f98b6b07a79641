{#-
    Drill-down, second step: what happened in these traces? For traces of your own, as Silver was at
    a time since it was first built:
    dbt show --limit 100 \
        --inline "{{ trace_rows(['4bf92f3577b34da6a3ce929d0e0e4736'], as_of='2026-11-20T08:00') }}"
-#}
-- The traces of the worst window, whole, from Silver as of the version that their rows in Gold
-- name: late data may have changed them since. `dbt show --select incident_traces --limit 100`
{{ trace_rows(worst_trace_ids()) }}
