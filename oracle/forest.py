"""Spans of one trace → a forest: each with its parent, circles of parents cut (contract, R9).

Nothing here recurses, and no step costs more than sorting: a trace may be 10,000 deep, 50,000 wide
or one circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oracle.calls import CLIENT_KINDS
from oracle.events import REQUEST_KINDS, Span
from oracle.verdicts import root_of

Place = int


@dataclass(frozen=True, slots=True)
class Forest:
    """The spans of a trace in their order; a place is a span's position in it.

    `parents` and `children` are those after the cuts, `cut` the members at which circles were cut,
    `downward` all places, each behind its parent; `root` is the trace's root, else the first
    span, and None without spans.
    """

    spans: Sequence[Span]
    parents: Sequence[Place | None]
    children: Sequence[Sequence[Place]]
    cut: frozenset[Place]
    downward: Sequence[Place]
    root: Place | None


def forest_of(spans: Iterable[Span]) -> Forest:
    """The forest of one trace's spans, given in any order."""
    ordered = in_order(spans)
    parents = parents_of(ordered)
    cut = frozenset(min(circle) for circle in _circles(parents))
    for place in cut:
        parents[place] = None
    children: list[list[Place]] = [[] for _ in ordered]
    downward = []
    for place, parent in enumerate(parents):
        if parent is None:
            downward.append(place)
        else:
            children[parent].append(place)
    for place in downward:  # grows while it is walked
        downward.extend(children[place])
    return Forest(ordered, parents, children, cut, downward, _root_place(ordered))


def in_order(spans: Iterable[Span]) -> list[Span]:
    """The spans of a trace by start, then id; a place is a position in this list."""
    return sorted(spans, key=_order)


def _order(span: Span) -> tuple[int, str, str, bool, bytes]:
    # Start and id decide; what follows only makes the order total, and the lake's may differ there
    return (
        span.start_ns, span.span_id or "", span.service, span.kind in REQUEST_KINDS, span.digest,
    )  # fmt: skip


def _root_place(spans: Sequence[Span]) -> Place | None:
    root = root_of(spans)
    if root is None:
        return 0 if spans else None
    return next(place for place, span in enumerate(spans) if span is root)


class _Bearers:
    """Who bears an id, in order: all, those of one service, and of each the client side alone."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._places: dict[tuple[str, str | None, bool], list[Place]] = defaultdict(list)
        for place, span in enumerate(spans):
            if span.span_id is None:
                continue
            for service in (None, span.service):
                self._places[span.span_id, service, False].append(place)
                if span.kind in CLIENT_KINDS:
                    self._places[span.span_id, service, True].append(place)

    def first(
        self, span_id: str, wanted: Iterable[tuple[str | None, bool]], child: Place
    ) -> Place | None:
        """The first other than `child`, by (service or None for any, client side alone)."""
        for service, is_client in wanted:
            found = self._places.get((span_id, service, is_client), ())
            other = next((place for place in found[:2] if place != child), None)
            if other is not None:
                return other
        return None


def parents_of(spans: Sequence[Span]) -> list[Place | None]:
    """By span, in their order, the place of its parent (R8), circles included."""
    bearers = _Bearers(spans)
    ids = {span.span_id for span in spans}
    return [_parent_of(place, span, bearers, ids) for place, span in enumerate(spans)]


def _parent_of(place: Place, span: Span, bearers: _Bearers, ids: set[str | None]) -> Place | None:
    is_server = span.kind in REQUEST_KINDS
    if is_server and span.span_id is not None:
        shared = bearers.first(span.span_id, ((span.service, True), (None, True)), place)
        if shared is not None:
            return shared
    if span.parent_span_id is None or span.parent_span_id not in ids:
        return None
    wanted: list[tuple[str | None, bool]] = [(span.service, False), (None, False)]
    if is_server:  # of each: its client side before the others
        wanted = [(service, is_client) for service, _ in wanted for is_client in (True, False)]
    parent = bearers.first(span.parent_span_id, wanted, place)
    return place if parent is None else parent  # it alone bears the id: a circle of one


def _circles(parents: Sequence[Place | None]) -> Iterator[list[Place]]:
    """The circles, each as the places of its members."""
    walks = [-1] * len(parents)  # by which walk a place was reached first
    for start in range(len(parents)):
        way: list[Place] = []
        place: Place | None = start
        while place is not None and walks[place] < 0:
            walks[place] = start
            way.append(place)
            place = parents[place]
        if place is not None and walks[place] == start:
            yield way[way.index(place) :]
