"""Tags of Jaeger and Zipkin spans that stand for fields which OpenTelemetry spans have.

Source: OpenTelemetry's mappings to and from Jaeger and Zipkin.
"""

from __future__ import annotations

from dataclasses import dataclass

_MAPPED = {
    "otel.status_code", "otel.status_description", "otel.scope.name", "otel.scope.version",
    "otel.library.name", "otel.library.version", "w3c.tracestate",
}  # fmt: skip
_STATUS = {"OK": "Ok", "ERROR": "Error"}


@dataclass(frozen=True)
class MappedTags:
    """What a span's tags say, and the tags that are attributes."""

    attributes: dict[str, str]
    status_code: str | None
    status_message: str | None
    scope_name: str | None
    scope_version: str | None
    trace_state: str | None


def mapped_tags(tags: dict[str, str]) -> MappedTags:
    """Sort tags (name to text); `error` goes where the status says it already."""
    attributes = {name: text for name, text in tags.items() if name not in _MAPPED}
    stated = tags.get("otel.status_code", "")
    status = _STATUS.get(stated.upper())
    if status == "Error" and attributes.get("error") == "true":
        del attributes["error"]
    if status is None and stated and stated.upper() != "UNSET":
        attributes["tracekeep.unreadable.status_code"] = stated
    return MappedTags(
        attributes=attributes,
        status_code=status,
        status_message=tags.get("otel.status_description") or None,
        scope_name=tags.get("otel.scope.name") or tags.get("otel.library.name") or None,
        scope_version=tags.get("otel.scope.version") or tags.get("otel.library.version") or None,
        trace_state=tags.get("w3c.tracestate") or None,
    )
