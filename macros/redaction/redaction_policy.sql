{#-
    The policy of `vars: redaction_policy`, checked, its patterns and masks as SQL literals: a
    dictionary of `rules` and `attributes`, each rule with its pattern, mask, check, words, sign and
    number.
-#}
{% macro redaction_policy() -%}
    {%- set policy = var('redaction_policy') -%}
    {%- set parts = policy.get('parts', {}) -%}
    {%- set rules, attributes = [], [] -%}
    {%- for rule in policy['rules'] -%}
        {%- do check_redaction_rule(rule, ['kind', 'pattern', 'words', 'sign', 'check']) -%}
        {%- set pattern = whole_pattern(rule['pattern'], parts) -%}
        {%- do rules.append({
            'number': loop.index,
            'pattern': raw_literal(pattern),
            'mask': "'" ~ ('$1' if '(?<before>' in pattern) ~ "[" ~ rule['kind'] ~ "]'",
            'check': rule.get('check'),
            'words': rule.get('words', []),
            'sign': raw_literal(whole_pattern(rule['sign'], parts)) if rule.get('sign'),
        }) -%}
    {%- endfor -%}
    {%- for rule in policy.get('attributes', []) -%}
        {%- do check_redaction_rule(rule, ['kind', 'pattern', 'words', 'sign']) -%}
        {%- do attributes.append({
            'number': rules | length + loop.index,
            'pattern': raw_literal('(?:' ~ whole_pattern(rule['pattern'], parts) ~ ')$'),
            'mask': "'[" ~ rule['kind'] ~ "]'",
            'words': rule.get('words', []),
            'sign': raw_literal(whole_pattern(rule['sign'], parts)) if rule.get('sign'),
        }) -%}
    {%- endfor -%}
    {{ return({'rules': rules, 'attributes': attributes}) }}
{%- endmacro %}
