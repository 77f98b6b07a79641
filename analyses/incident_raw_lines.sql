{#-
    Drill-down, third step: the raw lines. For traces of your own and a version of bronze.spans that a
    row of Gold names (its bronze_version):
    dbt --log-level-file none show --limit 100 \
        --inline "{{ raw_lines(['4bf92f3577b34da6a3ce929d0e0e4736'], as_of=3) }}"
-#}
-- Raw lines of the traces of the worst window, from Bronze as of the version that their rows in
-- Gold name. Bronze is not masked: who may not see it uses `python -m tracekeep incident`. The log
-- of dbt would keep what is shown:
-- `dbt --log-level-file none show --select incident_raw_lines --limit 100`
{{ raw_lines(worst_trace_ids()) }}
