{#-
    The rules of `vars: redaction_policy`, checked and numbered. Pattern, mask, names, sign and words
    are SQL literals; what a rule does not have is empty. Patterns lose their layout, and their parts
    are put in; a part may hold parts that are listed after it.
-#}
{% macro redaction_policy() -%}
    {%- set policy, rules = var('redaction_policy'), [] -%}
    {%- for rule in policy['rules'] -%}
        {%- set keys = ['kind', 'pattern', 'names', 'words', 'sign', 'check'] -%}
        {%- set kind, pattern = rule.get('kind') or '', rule.get('pattern') or '' -%}
        {%- set flags = pattern.split('(?<before>')[0] | trim -%}
        {%- set complaint -%}
            {%- if rule.keys() | reject('in', keys) | list -%}
                knows no key {{ rule.keys() | reject('in', keys) | join(', ') }}, but {{ keys | join(', ') }}
            {%- elif not kind or kind.replace('_', 'a').isalnum() is false -%}
                needs a kind, the word of its mask: letters, digits and underscores
            {%- elif not pattern and not rule.get('names') -%}
                needs a pattern, or the names of attributes
            {%- elif rule.get('check', 'luhn') != 'luhn' -%}
                knows no check but luhn
            {%- elif rule.get('check') and '(?<before>' in pattern -%}
                masks checked numbers whole: it can keep no group before
            {%- elif '(?<before>' in pattern and flags not in ['', '(?i)'] -%}
                has to begin with its group before, with nothing but (?i) in front of it
            {%- elif rule.get('words', []) is string
                or rule.get('words', []) | map('lower') | list != rule.get('words', []) | list -%}
                needs its words as a list of texts in lower case
            {%- endif -%}
        {%- endset -%}
        {%- if complaint -%}
            {%- do exceptions.raise_compiler_error(
                'dbt_project.yml, redaction_policy: a rule ' ~ complaint | trim ~ '. It is ' ~ rule
            ) -%}
        {%- endif -%}
        {%- set whole = {} -%}
        {%- for key in ['pattern', 'names', 'sign'] if rule.get(key) -%}
            {%- set text = namespace(whole=rule[key].split() | join) -%}
            {%- for name, part in policy.get('parts', {}).items() -%}
                {%- set text.whole = text.whole.replace('{' ~ name ~ '}', part.split() | join) -%}
            {%- endfor -%}
            {%- do whole.update({
                key: raw_literal('(?:' ~ text.whole ~ ')$' if key == 'names' else text.whole)
            }) -%}
        {%- endfor -%}
        {%- set before = '$1' if '(?<before>' in pattern else '' -%}
        {%- do rules.append({
            'number': loop.index,
            'pattern': whole.get('pattern'),
            'mask': "'" ~ before ~ '[' ~ kind ~ "]'",
            'check': rule.get('check'),
            'names': whole.get('names'),
            'value_mask': "'[" ~ kind ~ "]'",
            'words': rule.get('words', []),
            'sign': whole.get('sign'),
        }) -%}
    {%- endfor -%}
    {{ return(rules) }}
{%- endmacro %}
