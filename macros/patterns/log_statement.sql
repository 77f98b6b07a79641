{#-
    Identity of the statement in a program that wrote a log record: where it stands in the code, by its
    attributes or the head of its text (`a.b.Service#65`, `main.go:33`), else the template of its text,
    at most 300 characters.

    body, attributes: of a log record in Silver.
-#}
{% macro log_statement(body, attributes) -%}
    coalesce(
            {%- for file, line in [
                ('code.file.path', 'code.line.number'),
                ('code.filepath', 'code.lineno'),
                ('code.function.name', 'code.line.number'),
                ('code.function', 'code.lineno'),
                ('log.origin.file.name', 'log.origin.file.line'),
            ] %}
            nullif({{ attributes }}['{{ file }}'], '') || ':' || coalesce({{ attributes }}['{{ line }}'], ''),
            {%- endfor %}
            nullif(regexp_extract(
                coalesce({{ attributes }}['caller'], left({{ body }}, 160)),
                r'^[^\n]*?(?<![\w.$/])((?:[a-z_]\w*\.)+[A-Z][\w$]*#\d{1,5}|[\w$./-]+\.(?:c|cc|clj|cpp|cs|dart|erl|ex|go|java|js|kt|mjs|php|py|rb|rs|scala|swift|ts):\d{1,5})(?!\w)',
                1
            ), ''),
            left({{ error_template(body, var('error_pattern_version')) }}, 300)
        )
{%- endmacro %}
