{#-
    The policy of `vars: redaction_policy`, checked, its patterns and masks as SQL literals: a
    dictionary of `rules` and `attributes` (pattern, mask, check) and `signs`, one pattern that each
    text with anything to mask holds.
-#}
{% macro redaction_policy() -%}
    {%- set policy = var('redaction_policy') -%}
    {%- set parts = policy.get('parts', {}) -%}
    {%- set rules, attributes, signs = [], [], [] -%}
    {%- for rule in policy['rules'] -%}
        {%- do check_redaction_rule(rule, ['kind', 'pattern', 'sign', 'check']) -%}
        {%- set pattern = whole_pattern(rule['pattern'], parts) -%}
        {%- do rules.append({
            'pattern': raw_literal(pattern),
            'mask': "'" ~ ('$1' if '(?<before>' in pattern) ~ "[" ~ rule['kind'] ~ "]'",
            'check': rule.get('check'),
        }) -%}
        {%- set sign = whole_pattern(rule.get('sign', rule['pattern']), parts) -%}
        {%- do signs.append(sign.replace('(?<before>', '(?:')) -%}
    {%- endfor -%}
    {%- for rule in policy.get('attributes', []) -%}
        {%- do check_redaction_rule(rule, ['kind', 'pattern', 'sign']) -%}
        {%- set pattern = whole_pattern(rule['pattern'], parts) -%}
        {%- do attributes.append({
            'pattern': raw_literal('(?:' ~ pattern ~ ')$'),
            'mask': "'[" ~ rule['kind'] ~ "]'",
        }) -%}
        {%- do signs.append(whole_pattern(rule.get('sign', '(?:' ~ pattern ~ ')\\n'), parts)) -%}
    {%- endfor -%}
    {{ return({
        'rules': rules,
        'attributes': attributes,
        'signs': raw_literal('(?:' ~ signs | unique | join(')|(?:') ~ ')|\\x00'),
    }) }}
{%- endmacro %}
