{#-
    Where an exception was thrown, without lines and generated numbers: the first frame of a stack
    trace, the last of a Python traceback, the first behind the recovery of a Go panic; null without a
    stack. Of one that was erased (R12): erased. Version 1 takes the first frame that it can read, of
    the JVM, Node.js, Go and Python.
-#}
{% macro top_frame(stack, version) -%}
    nullif(regexp_replace(
            coalesce(
                nullif(regexp_extract({{ stack }}, r'(?s)Traceback .*\bFile \x22[^\x22]*\x22, line \d+, in ([\w<>.]+)', 1), ''),
                {%- if version == 1 %}
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)\s*at (?:async )?(?:new )?([\w$.<>/@-]+) ?\(', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)\s*at (?:async )?(\S*?)(?::\d+)*(?:\n|$)', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)goroutine \d+ \[[^\]]*\]:\s+([\w./*()-]+)\(', 1), ''),
                {%- else %}
                nullif(regexp_extract(
                    regexp_extract({{ stack }}, r'(?:^|\n)\s*at (?:async )?(?:new )?([^\r\n]+)', 1),
                    r'^(.+?)(?: \[as [^\]]*\]|\[[^\[\]]*\])?(?: ?\(.*| in \S.*|(?::\d+)+)?$',
                    1
                ), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)goroutine \d+ [^\[\n]{0,80}\[[^\]]*\]:\s+(?:(?:(?!\n\n)[\s\S])*?\npanic\([^\n]*\n\t[^\n]*\n)?(?:(?:runtime|runtime/debug)\.[^\n]*\n\t[^\n]*\n)*([^\s{},]+)\(', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)\s*#0 +(?:\S+\(\d+\): )?([^\s(]+)\(', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)([^\s(]+\.[^\s{},]+)\n\t\S+\.go:\d+', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n)\S+\.r[bu]:\d+:in [\x60\x27]([^\x27\n]+)', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n) *\d+: +(?!(?:rust_|_?core::|<?std::|__rust))(\S+)', 1), ''),
                nullif(regexp_extract({{ stack }}, r'(?:^|\n) {4,8}\([^)\n]*\) \S+: ([^\s(]+)', 1), ''),
                {%- endif %}
                nullif(regexp_extract({{ stack }}, r'^(erased) [0-9a-f]{8}$', 1), '')
            ),
            r'\$\$[\w$]+|[0-9]+',
            ''
        ), '')
{%- endmacro %}
