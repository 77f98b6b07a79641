{#-
    Pattern, as a literal, of the frames of a stack trace in a log text, to its end: of the JVM, Node.js
    and .NET; Python; Go; Rust; PHP; Ruby; Elixir.
-#}
{% macro stack_pattern() -%}
    r'(?s)(?:(?<=\n)\s+at .*|Traceback \(most recent call last\).*|goroutine \d+ [^\[\n]{0,80}\[.*|(?<=\n)\S+\.\S+\n\t\S+\.go:\d+.*|(?<=\n)stack backtrace:\n.*|(?<=\n)#0 .*|(?:^|(?<=\n))\S+\.r[bu]:\d+:in .*|(?<=\n) {4,8}\([^)\n]+\) \S+:\d+: .*)'
{%- endmacro %}
