{#-
    Result of a query that gives the same all through a dbt command: asked once, not once a model.
    `graph` is the one object that all models of a command share. If dbt gave each a copy, the answers
    would be the same, only asked for again.

    query: text of a statement; a run that changes what it reads must ask in other words.
-#}
{% macro once(query) -%}
    {%- set answers = graph.setdefault('tracekeep_answers', {}) -%}
    {%- set question = query | string | trim -%}
    {%- if question not in answers -%}
        {%- do answers.update({question: run_query(question)}) -%}
    {%- endif -%}
    {{ return(answers[question]) }}
{%- endmacro %}
