"""A trace as Perfetto's protobuf (perfetto.protos.Trace): a track a service, and lanes below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tracekeep.incident.export.whole_trace import Span, by_service

if TYPE_CHECKING:
    from perfetto.trace_builder.proto_builder import TraceProtoBuilder

_SEQUENCE = 1


def perfetto_trace(trace_id: str, spans: Sequence[Span]) -> bytes:
    """The file. Slices of a Perfetto track nest, so spans that overlap lie in lanes of their own.
    An arrow leads from a span to each child, and back if the child began first by its clock.
    """
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TrackEvent
    from perfetto.trace_builder.proto_builder import TraceProtoBuilder

    builder = TraceProtoBuilder()
    starts = {span.span_id: span.start_ns for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if span.parent_span_id in starts:
            children[span.parent_span_id].append(span)
    number = 0
    for members in by_service(spans).values():
        number += 1
        service = number
        _track(builder, service, members[0].service)
        for lane in lanes(members):
            number += 1
            _track(builder, number, members[0].service, service)
            for at, is_start, span in _edges(lane):
                event = _event(builder, at, number)
                event.type = TrackEvent.TYPE_SLICE_BEGIN if is_start else TrackEvent.TYPE_SLICE_END
                if not is_start:
                    continue
                event.name = span.name
                # an arrow has the number of the child: one that ended leads nowhere else
                for child in children[span.span_id]:
                    _add_arrow(event, child, is_end=child.start_ns < at)
                if span.parent_span_id in starts:
                    _add_arrow(event, span, is_end=starts[span.parent_span_id] <= at)
                _annotate(event, {"trace_id": trace_id, "span_id": span.span_id})
                _annotate(event, {"kind": span.kind, "status": span.status_code})
                _annotate(event, span.attributes)
            for span in lane:
                for said in span.events:
                    event = _event(builder, said.time_ns, number)
                    event.type = TrackEvent.TYPE_INSTANT
                    event.name = said.name
                    _annotate(event, said.attributes)
    return builder.serialize()


def lanes(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans by start, the longer first, in as few lanes as it takes for those of one to nest."""
    found: list[list[Span]] = []
    open_ends: list[list[int]] = []
    for span in sorted(spans, key=lambda span: (span.start_ns, -span.end_ns, span.span_id)):
        for lane, ends in zip(found, open_ends, strict=True):
            while ends and ends[-1] <= span.start_ns:
                ends.pop()
            if not ends or span.end_ns <= ends[-1]:
                lane.append(span)
                ends.append(span.end_ns)
                break
        else:
            found.append([span])
            open_ends.append([span.end_ns])
    return found


def _edges(lane: Sequence[Span]) -> list[tuple[int, bool, Span]]:
    """Starts and ends of the spans of a lane, as they nest."""
    edges: list[tuple[int, bool, Span]] = []
    open_spans: list[Span] = []
    for span in lane:
        while open_spans and open_spans[-1].end_ns <= span.start_ns:
            ended = open_spans.pop()
            edges.append((ended.end_ns, False, ended))
        open_spans.append(span)
        edges.append((span.start_ns, True, span))
    edges += [(span.end_ns, False, span) for span in reversed(open_spans)]
    return edges


def _track(builder: TraceProtoBuilder, number: int, name: str, parent: int | None = None) -> None:
    track = builder.add_packet().track_descriptor
    track.uuid = number
    track.name = name
    if parent is not None:
        track.parent_uuid = parent


def _event(builder: TraceProtoBuilder, at: int, track: int) -> Any:
    packet = builder.add_packet()
    packet.timestamp = at
    packet.trusted_packet_sequence_id = _SEQUENCE
    packet.track_event.track_uuid = track
    return packet.track_event


def _annotate(event: Any, named: dict[str, Any]) -> None:
    for name, value in named.items():
        if value is not None:
            note = event.debug_annotations.add()
            note.name, note.string_value = name, value


def _add_arrow(event: Any, child: Span, *, is_end: bool) -> None:
    ids = event.terminating_flow_ids if is_end else event.flow_ids
    ids.append(int(child.span_id, 16))
