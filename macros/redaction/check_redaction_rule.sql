{#- Nothing, or a compiler error that says what is wrong with a rule of `redaction_policy`. -#}
{% macro check_redaction_rule(rule) -%}
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
{%- endmacro %}
