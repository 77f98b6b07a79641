{#-
    Where an exception was thrown, without lines and generated numbers: the first frame of a stack
    trace of the JVM, Node.js or Go, the last of a Python traceback; null without a stack. Of one that
    was erased (R12): erased.
-#}
{% macro top_frame(stack) -%}
    nullif(regexp_replace(
            coalesce(
                nullif(regexp_extract({{ stack }}, r'(?s)Traceback .*\bFile \x22[^\x22]*\x22, line \d+, in ([\w<>.]+)', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)\s*at (?:async )?(?:new )?([\w$.<>/@-]+) ?\(', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)\s*at (?:async )?(\S*?)(?::\d+)*(?:\n|$)', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)goroutine \d+ \[[^\]]*\]:\s+([\w./*()-]+)\(', 1), ''),
                nullif(regexp_extract({{ stack }}, r'^(erased) [0-9a-f]{8}$', 1), '')
            ),
            r'\$\$[\w$]+|[0-9]+',
            ''
        ), '')
{%- endmacro %}
