"""CDEvents and Kubernetes events → change rows; standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oracle.format_rows import Outcome, Row, dated, object_at, text_at
from oracle.log_formats import time_of

CDEVENTS_PREFIX = "dev.cdevents."
# the latest occurrence of a repeated event first
EVENT_TIMES = (
    "lastTimestamp", "deprecatedLastTimestamp", "eventTime", "firstTimestamp",
    "deprecatedFirstTimestamp",
)  # fmt: skip


def cd_event(value: dict[str, Any]) -> dict[str, Any] | None:
    """The CDEvent that an object is or carries in a CloudEvents envelope; None if it is none.

    An envelope that carries something else is an event too, of which the envelope alone tells.
    """
    data = value.get("data")
    for candidate in (value, data if isinstance(data, dict) else {}):
        kind = object_at(candidate, "context").get("type")
        if isinstance(kind, str) and kind.startswith(CDEVENTS_PREFIX) and "subject" in candidate:
            return candidate
    is_envelope = {"specversion", "id", "source", "type"} <= value.keys()
    return {} if is_envelope else None


def cd_event_outcome(event: dict[str, Any], envelope: dict[str, Any]) -> Outcome:
    """One CDEvent; the envelope fills in what its context does not say."""
    context, subject = object_at(event, "context"), object_at(event, "subject")
    return dated(
        Row(
            "change",
            record_id=text_at(context, "id") or text_at(envelope, "id"),
            start_ns=time_of(context.get("timestamp")) or time_of(envelope.get("time")),
            name=text_at(context, "type") or text_at(envelope, "type"),
            service=_service_of(subject, text_at(context, "type") or ""),
        )
    )


def _service_of(subject: dict[str, Any], event_type: str) -> str | None:
    is_service = event_type.startswith(f"{CDEVENTS_PREFIX}service.")
    return text_at(subject, "id") if is_service or subject.get("type") == "service" else None


def kubernetes_events(value: dict[str, Any]) -> list[Any] | None:
    """The events of a list, of a watch, or one alone; None if an object is none of these."""
    if value.get("kind") == "Event" and "apiVersion" in value:
        return [value]
    watched = value.get("object")
    if isinstance(value.get("type"), str) and isinstance(watched, dict):
        return kubernetes_events(watched)
    items, kind = value.get("items"), value.get("kind")
    if isinstance(items, list) and isinstance(kind, str) and kind.endswith("List"):
        return items
    return None


def kubernetes_outcomes(event: dict[str, Any]) -> Iterator[Outcome]:
    """One event of the cluster."""
    metadata = object_at(event, "metadata")
    series = object_at(event, "series").get("lastObservedTime")
    times = [series, *(event.get(name) for name in EVENT_TIMES), metadata.get("creationTimestamp")]
    yield dated(
        Row(
            "change",
            record_id=text_at(metadata, "uid") or text_at(metadata, "name"),
            start_ns=next((ns for time in times if (ns := time_of(time))), None),
            name=text_at(event, "reason"),
        )
    )
