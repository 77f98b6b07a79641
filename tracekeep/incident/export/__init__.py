"""One trace as a file that other tools open; everything in it is Silver's, so it is masked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tracekeep.incident.export.jaeger import jaeger_answer, jaeger_trace
from tracekeep.incident.export.otlp import otlp_request
from tracekeep.incident.export.perfetto import perfetto_trace

if TYPE_CHECKING:
    from tracekeep.incident.export.whole_trace import Span


def _json(document: Any) -> bytes:
    return json.dumps(document, allow_nan=False).encode() + b"\n"  # ASCII alone


FORMATS: dict[str, Callable[[str, Sequence[Span]], bytes]] = {
    "otlp": lambda trace_id, spans: _json(otlp_request(trace_id, spans)),
    "jaeger": lambda trace_id, spans: _json(jaeger_answer([jaeger_trace(trace_id, spans)])),
    "perfetto": perfetto_trace,
}
"""By name what writes a trace (its id, its spans): OTLP/JSON, the JSON of Jaeger's UI and API, the
protobuf of Perfetto."""
