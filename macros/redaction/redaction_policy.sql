{#-
    The rules of `vars: redaction_policy`, checked and numbered. Pattern, mask, names, sign and words
    are SQL literals; what a rule does not have is empty.
-#}
{% macro redaction_policy() -%}
    {%- set parts = var('redaction_policy').get('parts', {}) -%}
    {%- set rules = [] -%}
    {%- for rule in var('redaction_policy')['rules'] -%}
        {%- do check_redaction_rule(rule) -%}
        {%- set before = '$1' if '(?<before>' in rule.get('pattern', '') else '' -%}
        {%- set names = whole_pattern(rule.get('names', ''), parts) -%}
        {%- do rules.append({
            'number': loop.index,
            'pattern': raw_literal(whole_pattern(rule['pattern'], parts)) if rule.get('pattern'),
            'mask': "'" ~ before ~ '[' ~ rule['kind'] ~ "]'",
            'check': rule.get('check'),
            'names': raw_literal('(?:' ~ names ~ ')$') if names,
            'value_mask': "'[" ~ rule['kind'] ~ "]'",
            'words': rule.get('words', []),
            'sign': raw_literal(whole_pattern(rule['sign'], parts)) if rule.get('sign'),
        }) -%}
    {%- endfor -%}
    {{ return(rules) }}
{%- endmacro %}
