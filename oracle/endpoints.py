"""What an endpoint is taken from, and which texts no template can change (docs/contract.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from oracle.fields import text_of

UNKNOWN_ENDPOINT = "unknown_endpoint"
DESTINATION = ("messaging.destination.name", "messaging.destination")

# words of letters alone, versions, and the placeholders of a route
_WORD = r"[A-Za-z]+(?:[_-][A-Za-z]+)*"
_PART = rf"(?:{_WORD}|[vV][1-9]|\{{{_WORD}\}})"
_PROOF = re.compile(rf"/?{_PART}(?:[./]{_PART})*")
_METHOD = re.compile(
    r"(?i)/?(?:http|get|head|post|put|patch|delete|options|trace|connect)(?![A-Za-z])"
)
_METHOD_BEFORE = re.compile(r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) +(?=\S)")
_HEX_WORD = re.compile(r"(?i)(?<![a-z])[a-f]{6,}(?![a-z])")
_LONG_WORD = re.compile(r"[A-Za-z_-]{40,}")


def endpoint_source_of(name: str, known: Mapping[str, Any]) -> str:
    """Route, fully qualified RPC method, messaging destination or span name, without the method."""
    route = text_of(known.get("http.route"))
    if route:
        return route
    method, service = text_of(known.get("rpc.method")), text_of(known.get("rpc.service"))
    if method:
        return method if "/" in method or not service else f"{service}/{method}"
    destination = next((text_of(known[n]) for n in DESTINATION if known.get(n)), None)
    if destination:
        return destination
    return _METHOD_BEFORE.sub("", name, count=1)


@lru_cache(maxsize=65536)
def is_template_proof(endpoint: str) -> bool:
    """Whether the contract leaves no choice of how the endpoint is written."""
    return bool(
        _PROOF.fullmatch(endpoint)
        and not _METHOD.match(endpoint)
        and not _HEX_WORD.search(endpoint)
        and not _LONG_WORD.search(endpoint)
    )
