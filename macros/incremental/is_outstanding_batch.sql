{#-
    Predicate: the ingest batch is one of outstanding_batches, written out as ranges of numbers, so
    that Delta skips the files of all other batches.

    column: ingest batch; from_nothing: any pinned batch, for a model that holds none yet.
-#}
{% macro is_outstanding_batch(column, from_nothing=false) -%}
    {%- set terms = [] -%}
    {%- for first, last in outstanding_batches(from_nothing) -%}
        {%- do terms.append(column ~ ' between ' ~ first ~ ' and ' ~ last) -%}
    {%- endfor -%}
    {{ return('(' ~ terms | join(' or ') ~ ')' if terms else 'false') }}
{%- endmacro %}
