{#-
    What a trace id leaves in a HyperLogLog sketch: a struct of the register it falls into, of
    2^precision by the variable `trace_sketch_precision`, and its rank there.
-#}
{% macro trace_register(trace_id) -%}
    {%- set precision = var('trace_sketch_precision') -%}
    {%- set rest = 'shiftrightunsigned(xxhash64(' ~ trace_id ~ '), ' ~ precision ~ ')' -%}
    struct(
            cast(xxhash64({{ trace_id }}) & {{ 2 ** precision - 1 }} as int) as register,
            -- zeros at the end of the other bits, and one
            least(bit_count(({{ rest }} & -{{ rest }}) - 1) + 1, {{ 65 - precision }}) as rank
        )
{%- endmacro %}
