{#-
    SQL literal of a pattern, raw, so that its backslashes stay. Spark takes `${…}` in a statement
    for a variable, and a raw literal cannot hold its own quote: both are refused.
-#}
{% macro raw_literal(pattern) -%}
    {%- if '${' in pattern or ("'" in pattern and '"' in pattern) -%}
        {%- do exceptions.raise_compiler_error(
            'A pattern may hold neither ${ (write [$]{) nor both kinds of quotes (write \\x22 for "'
            ~ " and \\x27 for '): " ~ pattern
        ) -%}
    {%- endif -%}
    {%- set quote = '"' if "'" in pattern else "'" -%}
    r{{ quote }}{{ pattern }}{{ quote }}
{%- endmacro %}
