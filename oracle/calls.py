"""Spans → calls between services (docs/contract.md R8), by plain walks; standard library only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from oracle.events import REQUEST_KINDS, Span

CLIENT_KINDS = frozenset({"client", "producer"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `latency_ns` as the caller saw it, else as the callee did, in ns.

    `client` is the client or producer span, `server` the server or consumer span, None where there
    is none. `wait_ns`: what the caller waited beyond the callee's latency; None for messages, and
    where neither a client span nor a parent tells it.
    """

    trace_id: str | None
    source_trace_id: str | None
    source_span_id: str | None
    target_span_id: str | None
    source_service: str
    target_service: str
    target_type: str
    latency_ns: int
    is_error: bool
    is_linked: bool
    client_missing: bool
    client: Span | None
    server: Span | None
    wait_ns: int | None = None

    @property
    def start_ns(self) -> int:
        """When the callee began, or the caller where no span of the callee is known."""
        return self._any_span.start_ns

    @property
    def environment(self) -> str:
        """The environment of the callee, or the caller where no span of the callee is known."""
        return self._any_span.environment

    @property
    def _any_span(self) -> Span:
        span = self.server or self.client
        if span is None:
            raise ValueError(f"a call in trace {self.trace_id} without any span")
        return span


def calls_of(traces: Mapping[str, list[Span]]) -> Iterator[Call]:
    """The calls of all traces; each trace's spans in any order."""
    bearers: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for trace_id, spans in traces.items():
        for span in sorted(spans, key=_place):
            if span.span_id is not None:
                bearers[trace_id, span.span_id].append(span)
    for trace_id, spans in traces.items():
        yield from _calls_of_trace(trace_id, spans, bearers)


def _place(span: Span) -> tuple[int, str, str, bool]:
    return span.start_ns, span.span_id or "", span.service, span.kind in REQUEST_KINDS


def _calls_of_trace(
    trace_id: str, spans: list[Span], bearers: Mapping[tuple[str, str], list[Span]]
) -> Iterator[Call]:
    parents = {id(span): _parent_of(span, trace_id, bearers) for span in spans}
    answered = set()
    for span in spans:
        if span.kind is not None and span.kind not in REQUEST_KINDS:
            continue
        caller = _caller_of(span, parents)
        links = set(span.links) if span.kind == "consumer" else set()
        links = {link for link in links if None not in link}
        if caller is not None:
            answered.add(id(caller))
            is_client = caller.kind in CLIENT_KINDS
            is_waiting = is_client or caller is parents[id(span)]
            call = _call(span, trace_id, caller.span_id, caller, is_client)
            if is_waiting and span.kind != "consumer":
                call = replace(call, wait_ns=max(caller.latency_ns - span.latency_ns, 0))
            yield call
            links.discard((trace_id, caller.span_id))
        elif span.parent_span_id is None and parents[id(span)] is None and not links:
            yield Call(
                trace_id, None, None, span.span_id, "external", span.service, "service",
                span.latency_ns, span.is_error, False, False, None, span,
            )  # fmt: skip
        for linked_trace, linked_span in links:
            found = bearers.get((linked_trace, linked_span), [])
            producer = min(
                found, key=lambda s: (s.kind not in CLIENT_KINDS, *_place(s)), default=None
            )
            yield _call(span, linked_trace, linked_span, producer, producer is not None, True)
    for span in spans:
        if span.kind in CLIENT_KINDS and span.peer and id(span) not in answered:
            yield Call(
                trace_id, trace_id, span.span_id, None, span.service, span.peer, span.peer_type,
                span.latency_ns, span.is_error, False, False, span, None,
            )  # fmt: skip


def _call(
    span: Span, source_trace: str, source_id: str | None, source: Span | None, is_client: bool,
    is_linked: bool = False,
) -> Call:  # fmt: skip
    return Call(
        span.trace_id,
        source_trace,
        source_id,
        span.span_id,
        source.service if source else "unknown_service",
        span.service,
        "service",
        source.latency_ns if source and is_client else span.latency_ns,
        span.is_error or (source is not None and is_client and source.is_error),
        is_linked,
        not is_client,
        source if is_client else None,
        span,
    )


def _parent_of(
    span: Span, trace_id: str, bearers: Mapping[tuple[str, str], list[Span]]
) -> Span | None:
    is_server = span.kind in REQUEST_KINDS
    if is_server and span.span_id is not None:
        shared = [s for s in bearers[trace_id, span.span_id] if s.kind in CLIENT_KINDS]
        if shared:
            return _first(shared, span)
    if span.parent_span_id is None:
        return None
    others = (s for s in bearers.get((trace_id, span.parent_span_id), ()) if s is not span)
    return _first(others, span)


def _first(candidates: Iterable[Span], child: Span) -> Span | None:
    """Of spans in their order: one of the child's service, then for a server span a client."""
    is_server = child.kind in REQUEST_KINDS
    return min(
        candidates,
        key=lambda s: (s.service != child.service, is_server and s.kind not in CLIENT_KINDS),
        default=None,
    )


def _caller_of(span: Span, parents: Mapping[int, Span | None]) -> Span | None:
    parent = parents[id(span)]
    if span.kind is None:
        return parent if parent is not None and parent.service != span.service else None
    seen: set[int] = set()
    step = parent
    while step is not None and step.kind in (None, "internal") and id(step) not in seen:
        seen.add(id(step))
        step = parents[id(step)]
    if step is not None and step.kind in CLIENT_KINDS:
        return step
    seen = set()
    step = parent
    while step is not None and step.service == span.service and id(step) not in seen:
        seen.add(id(step))
        step = parents[id(step)]
    return step if step is not None and step.service != span.service else None
