{#-
    OpenTelemetry severity number (1 to 24) of a log record: the number it came with, else what its
    level word stands for, in any case; null where neither says one.
-#}
{% macro severity_number(number, text) -%}
    {%- set words = {
        1: ['TRACE', 'TRC', 'VERBOSE', 'FINEST'],
        5: ['DEBUG', 'DBG', 'FINE', 'FINER'],
        9: ['INFO', 'INF', 'INFORMATION', 'INFORMATIONAL', 'CONFIG'],
        10: ['NOTICE'],
        13: ['WARN', 'WRN', 'WARNING'],
        17: ['ERROR', 'ERR', 'SEVERE'],
        21: ['FATAL', 'CRITICAL', 'CRIT', 'PANIC', 'DPANIC', 'ALERT', 'EMERGENCY', 'EMERG'],
    } -%}
    case
        when {{ number }} between 1 and 24 then {{ number }}
        {%- for value, names in words.items() %}
        when upper(trim({{ text }})) in ('{{ names | join("', '") }}') then {{ value }}
        {%- endfor %}
        when upper(trim({{ text }})) rlike '^(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)[1-4]$' then
            cast(array_position(
                array('TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'),
                upper(regexp_replace(trim({{ text }}), '.$', ''))
            ) as int) * 4 - 4 + cast(right(trim({{ text }}), 1) as int)
    end
{%- endmacro %}
