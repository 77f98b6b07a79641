{#-
    Aggregate: ids of kept traces, by R descending, then id; as many as the variable
    `sample_traces_per_window` allows.

    kept_trace: struct of randomness and trace id, null for a trace that is not kept.
-#}
{% macro sampled_traces(kept_trace) -%}
    transform(
            slice(
                array_sort(
                    collect_set({{ kept_trace }}),
                    (one, other) -> case
                        when one.randomness > other.randomness then -1
                        when one.randomness < other.randomness then 1
                        when one.trace_id < other.trace_id then -1
                        when one.trace_id > other.trace_id then 1
                        else 0
                    end
                ),
                1, {{ var('sample_traces_per_window') }}
            ),
            kept -> kept.trace_id
        )
{%- endmacro %}
