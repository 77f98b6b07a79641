{#-
    Message of a text that is a JSON object of a logger, also one level down; null for any other text.
-#}
{% macro json_message(text) -%}
    case
        when startswith({{ text }}, '{') then coalesce(
            {%- for name in [
                'message', 'msg', '@message', '@m', '@mt', 'Message', 'MESSAGE', 'short_message',
                'textPayload', 'log', 'text', 'body', 'event', 'fields.message', 'fields.msg',
                'jsonPayload.message', 'jsonPayload.msg', 'record.message', 'log.message'
            ] %}
            get_json_object({{ text }}, '$.{{ name }}'){{ ',' if not loop.last }}
            {%- endfor %}
        )
    end
{%- endmacro %}
