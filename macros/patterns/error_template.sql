{#-
    Template of an error message (R10): its first line, or what a line of JSON says as its message,
    with `<*>` for what differs from one error to the next. What that is says the rule of a version in
    `vars: error_pattern_rules`.
-#}
{% macro error_template(message, version) -%}
    {%- set rule = var('error_pattern_rules')[version] | join('|') -%}
    {%- set variable = raw_literal('(?:' ~ rule.split() | join ~ ')') -%}
    trim(regexp_replace(
            regexp_replace(
                regexp_extract(
                    -- what Python raised stands behind its traceback, what .NET's console says behind
                    -- its first line
                    regexp_replace(
                        coalesce({{ json_message(message) }}, {{ message }}, ''),
                        r'(?s)^\s*Traceback \(most recent call last\):.*\n(?=\S)|^(?:fail|crit): \S+\[[0-9]+\]\s+',
                        ''
                    ),
                    r'^\s*([^\r\n]{0,2000})',
                    1
                ),
                {{ variable }},
                '<*>'
            ),
            -- a list of values, or a value that was cut at its points
            r'<\*>(?:(?:\s*[-.,:;@+|/]+\s*|\s+)<\*>)+',
            '<*>'
        ))
{%- endmacro %}
