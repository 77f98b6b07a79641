{#-
    Predicate on a model's own columns, in literals: the row is of a day or hour that this run builds
    again. None for keys that are too many to be written out.

    touched: the model's configuration.
-#}
{% macro is_touched(touched) -%}
    {%- if touched == 'changed_days' -%}
        {{ return('partition_date in ' ~ changed_dates(in_silver=not config.get('from_gold'))) }}
    {%- elif touched == 'changed_hours' -%}
        {{ return(
            'partition_date in ' ~ changed_hour_dates() ~ ' and '
            ~ is_in_changed_hour('window_start')
        ) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
