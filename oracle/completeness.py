"""What a trace lacks: roots, orphans, spans whose parents lead into a circle (docs/contract.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from oracle.forest import in_order, parents_of
from oracle.verdicts import Trace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Completeness:
    """Spans by what their parents lead to, and the days of the trace's events (UTC, sorted)."""

    root_count: int
    orphan_count: int
    cyclic_span_count: int
    dates: tuple[date, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all spans lead to one root."""
        return (self.root_count, self.orphan_count, self.cyclic_span_count) == (1, 0, 0)


def completeness_of(trace: Trace) -> Completeness:
    """Look at all spans and log records of a trace."""
    spans = in_order(trace.spans)
    ids = {span.span_id for span in spans}
    times = [span.start_ns for span in spans] + [record.time_ns for record in trace.logs]
    return Completeness(
        sum(span.parent_span_id is None for span in spans),
        sum(span.parent_span_id is not None and span.parent_span_id not in ids for span in spans),
        _cyclic_span_count(parents_of(spans)),
        tuple(sorted({(EPOCH + timedelta(microseconds=ns // 1000)).date() for ns in times})),
    )


def _cyclic_span_count(parents: Sequence[int | None]) -> int:
    """How many places never lead to None."""
    ends: dict[int, bool] = {}  # place -> whether the way up ends
    for start in range(len(parents)):
        way: list[int] = []
        seen: set[int] = set()
        place: int | None = start
        while place is not None and place not in ends and place not in seen:
            way.append(place)
            seen.add(place)
            place = parents[place]
        is_ended = place is None or ends.get(place, False)
        ends.update(dict.fromkeys(way, is_ended))
    return sum(not is_ended for is_ended in ends.values())
