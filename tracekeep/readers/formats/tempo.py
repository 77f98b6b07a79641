"""Traces as Grafana Tempo's query API returns them: OTLP under other keys, or in an envelope."""

from __future__ import annotations

from msgspec import Raw

from tracekeep.readers.formats.otlp import enveloped, is_request, read

NAME, SOURCE_FORMAT, RANK = "tempo", "tempo_json", 50


def matches(fields: dict[str, Raw]) -> bool:
    """Whether an object is a trace of Tempo's, or holds one."""
    return is_request(fields) or enveloped(fields) is not None


__all__ = ["NAME", "RANK", "SOURCE_FORMAT", "matches", "read"]
