"""Traces → incident paths (docs/contract.md R9): from the topmost span down to where it failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from oracle.events import LogRecord, Span
from oracle.fields import workload_of
from oracle.forest import Forest, Place
from oracle.verdicts import Trace


@dataclass(frozen=True, slots=True)
class Step:
    """One span of a path. `start_ns` since 1970; `endpoint` None: the reading knows none.

    `messages` are those of an error span's versions, None among them where one is silent. A step
    that has no span (`latency_ns` None) stands for an error log: its time, service and messages.
    """

    span_id: str | None
    parent_span_id: str | None
    service: str
    endpoint: str | None
    operation: str | None
    kind: str | None
    start_ns: int
    latency_ns: int | None
    status_code: str | None
    is_error: bool
    messages: frozenset[str | None]

    @property
    def has_span(self) -> bool:
        """Whether a span stands behind the step."""
        return self.latency_ns is not None


@dataclass(frozen=True, slots=True)
class IncidentPath:
    """One path; the last of `steps` is the origin. `marks` are sorted.

    `tied_rank` is the least rank of the paths with the same depth, origin's start and id: the
    contract orders these by nothing else.
    """

    trace_id: str
    path_rank: int
    tied_rank: int
    steps: tuple[Step, ...]
    marks: tuple[str, ...]
    is_fatal: bool

    @property
    def origin(self) -> Step:
        """The step that failed without a failing descendant."""
        return self.steps[-1]

    @property
    def depth(self) -> int:
        """The number of steps."""
        return len(self.steps)

    @property
    def service_path(self) -> tuple[str, ...]:
        """The services from the top down, consecutive repeats collapsed."""
        return tuple(service for service, _ in groupby(step.service for step in self.steps))


def paths_of(trace: Trace, forest: Forest) -> list[IncidentPath]:
    """The incident paths of a judged trace by their rank; `forest` is that of its spans."""
    error_logs = [record for record in trace.logs if record.is_error]
    if forest.root is None:
        return [_path_without_span(trace, error_logs)] if error_logs else []
    failing = {place for place, span in enumerate(forest.spans) if span.is_error}
    logged, is_span_missing = _places_of_logs(forest.spans, error_logs)
    origins = _lowest(failing | logged, forest)
    if is_span_missing:
        origins.add(forest.root)
    ways = sorted((_way_to(place, forest) for place in origins), key=lambda w: (-len(w), w[-1]))
    steps = {place: _step_of(forest.spans[place]) for place in {p for way in ways for p in way}}
    trace_marks = _root_marks(forest.spans)
    paths: list[IncidentPath] = []
    for rank, way in enumerate(ways, start=1):
        marks = trace_marks | _top_marks(way[0], forest)
        if is_span_missing and way[-1] == forest.root:
            marks.add("missing_span")
        path = tuple(steps[place] for place in way)
        is_tied = bool(paths) and _claim(paths[-1].steps) == _claim(path)
        tied_rank = paths[-1].tied_rank if is_tied else rank
        paths.append(
            IncidentPath(
                trace.trace_id, rank, tied_rank, path, tuple(sorted(marks)), trace.is_fatal
            )
        )
    return paths


def _claim(steps: Sequence[Step]) -> tuple[int, int, str]:
    """What the rank of a path comes from."""
    return len(steps), steps[-1].start_ns, steps[-1].span_id or ""


def _places_of_logs(
    spans: Sequence[Span], error_logs: Iterable[LogRecord]
) -> tuple[set[Place], bool]:
    """The spans that carry error logs, and whether the span of a log is missing."""
    first: dict[tuple[str, str | None], Place] = {}
    for place, span in enumerate(spans):
        if span.span_id is not None:
            first.setdefault((span.span_id, None), place)
            first.setdefault((span.span_id, span.service), place)
    found: set[Place] = set()
    is_span_missing = False
    for record in error_logs:
        any_service = None if record.span_id is None else first.get((record.span_id, None))
        if record.span_id is None or any_service is None:
            is_span_missing = True
        else:
            found.add(first.get((record.span_id, record.service), any_service))
    return found, is_span_missing


def _lowest(failing: set[Place], forest: Forest) -> set[Place]:
    """The failing places without a failing one below."""
    above: set[Place] = set()
    for place in reversed(forest.downward):
        parent = forest.parents[place]
        if parent is not None and (place in failing or place in above):
            above.add(parent)
    return failing - above


def _way_to(place: Place, forest: Forest) -> list[Place]:
    """The places from the topmost span down."""
    way = [place]
    while (parent := forest.parents[way[-1]]) is not None:
        way.append(parent)
    way.reverse()
    return way


def _root_marks(spans: Sequence[Span]) -> set[str]:
    roots = sum(span.parent_span_id is None for span in spans)
    if roots == 1:
        return set()
    return {"several_roots" if roots else "no_root"}


def _top_marks(top: Place, forest: Forest) -> set[str]:
    """What is wrong at the top; a cut member is always topmost, so its mark is told here too."""
    if top in forest.cut:
        return {"cycle"}
    return set() if forest.spans[top].parent_span_id is None else {"missing_parent"}


def _step_of(span: Span) -> Step:
    return Step(
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        service=span.service,
        endpoint=span.name if span.has_plain_endpoint else None,
        operation=span.name,
        kind=span.kind,
        start_ns=span.start_ns,
        latency_ns=span.latency_ns,
        status_code=span.status_code,
        is_error=span.is_error,
        messages=frozenset(failure.error_message for failure in span.failures),
    )


def _path_without_span(trace: Trace, error_logs: Iterable[LogRecord]) -> IncidentPath:
    first = min(error_logs, key=lambda r: (r.time_ns, _service_of(r), _text_of(r)))
    step = Step(
        span_id=None,
        parent_span_id=None,
        service=_service_of(first),
        endpoint=None,
        operation=None,
        kind=None,
        start_ns=first.time_ns,
        latency_ns=None,
        status_code=None,
        is_error=False,
        messages=frozenset(message.text for message in first.messages),
    )
    return IncidentPath(trace.trace_id, 1, 1, (step,), ("missing_span",), trace.is_fatal)


def _service_of(record: LogRecord) -> str:
    """The service of a log record without span."""
    if record.service:
        return record.service
    return workload_of(record.pod) if record.pod else "unknown_service"


def _text_of(record: LogRecord) -> str:
    return min((m.text or m.json_text or "" for m in record.messages), default="")
