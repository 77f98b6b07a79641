{#- Whom a client span called, where no span of the callee is there: its peer, else its system. -#}
{% macro peer_name(attributes) -%}
    coalesce(
        {%- for key in [
            'service.peer.name', 'peer.service', 'server.address', 'net.peer.name', 'network.peer.address',
            'net.sock.peer.name', 'net.peer.ip', 'net.sock.peer.addr', 'db.system.name', 'db.system',
            'messaging.system', 'rpc.system.name',
            'rpc.system'
        ] %}
        nullif({{ attributes }}['{{ key }}'], ''){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
