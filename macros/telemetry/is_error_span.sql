{#-
    Whether a span is an error span: its status, else HTTP and gRPC codes with their
    client/server asymmetry, else the attribute `error`. Arguments are column expressions.
-#}
{% macro is_error_span(status_code, kind, http_status_code, rpc_status_code, attributes) -%}
    case
        when {{ status_code }} = 'Error' then true
        when {{ status_code }} = 'Ok' then false
        when {{ http_status_code }} >= 500 then true
        when {{ kind }} = 'client' and {{ http_status_code }} >= 400 then true
        when {{ kind }} = 'client' and {{ rpc_status_code }} > 0 then true
        when {{ rpc_status_code }} in (2, 4, 12, 13, 14, 15) then true
        else lower({{ attributes }}['error']) <=> 'true'
    end
{%- endmacro %}
