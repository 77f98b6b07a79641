{#-
    List of literals: the days of some hours; a null date if there are none.

    hours: of changed_hours.
-#}
{% macro dates_of_hours(hours) -%}
    {%- set dates = [] -%}
    {%- for first_start, last_end in hours -%}
        {%- set last_date = (last_end - modules.datetime.timedelta(hours=1)).date() -%}
        {%- for day in range((last_date - first_start.date()).days + 1) -%}
            {%- do dates.append(first_start.date() + modules.datetime.timedelta(days=day)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return("(date'" ~ dates | unique | join("', date'") ~ "')" if dates else '(null)') }}
{%- endmacro %}
