"""Slices: the unit of work. A slice is a pure function of (seed, first day, slot, budget, knobs).

The day's events are spread over its hours by a traffic curve; busy hours are cut into slices of at
most ``SLICE_EVENTS`` events so that memory does not grow with the size of the output.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import accumulate
from math import ceil
from pathlib import Path

from .changes import Plan, plan_days
from .incidents import Incident
from .topology import BATCH_CONSUMER, ENTRIES, FILLER, World, build_world, seeded
from .traces import LogEntry, Span, Trace, Walker
from .writers import Shares, SliceWriter, Slot

SLICE_EVENTS = 30_000
LEAST_EVENTS = 150
LOGS_PER_SPAN = 3 / 7
MAX_MISSES = 6
# Where incidents are rare: so many times its traffic has the hour of one, so many of its traces
# fail by it at least, of which one is looked for among so many.
INCIDENT_TRAFFIC = 3.0
INCIDENT_TRACES = 8
MOST_TRIES = 5_000

# Shares of spans in error traces as measured over some seeds, on which ``error_share`` reckons: of
# all, of those that incidents touched, and what is left without any fault (missed deadlines).
NATURAL_ERROR_SHARE = 0.0165
INCIDENT_ERROR_SHARE = 0.0055
LEAST_ERROR_SHARE = 0.0012
# Half of what an average failing trace has: rounds to the nearer trace instead of up.
_HALF_TRACE_SPANS = 8

# Requests per hour of the day, relative to each other (UTC).
_HOURS = (
    *(0.35, 0.28, 0.24, 0.22, 0.24, 0.32, 0.50, 0.80, 1.10, 1.30, 1.40, 1.45),
    *(1.50, 1.40, 1.35, 1.30, 1.30, 1.35, 1.45, 1.50, 1.35, 1.05, 0.75, 0.50),
)
_WEEKDAYS = (1.0, 1.0, 1.0, 1.05, 1.15, 0.85, 0.7)


@dataclass(frozen=True, slots=True)
class SliceJob:
    """One slice to write: its ``slot``, exact number of events, and where to.

    ``start`` and ``days`` are those of the whole output: versions stay from day to day.
    ``error_share`` is the aimed share of spans in error traces, None: as it comes.
    ``incident_every`` are the days from one incident to the next, None: every kind each day;
    ``is_quiet``: the quiet kinds.
    """

    seed: int
    start: date
    days: int
    slot: Slot
    events: int
    shares: Shares
    error_share: float | None
    out: str
    parts: str
    incident_every: int | None = None
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class SliceResult:
    """Counts of one slice, and per incident id the traces it touched."""

    slot: Slot
    counts: dict[str, int]
    affected: dict[str, list[str]]


def plan_slices(
    events: int, days: Sequence[date], busy: Collection[tuple[date, int]] = ()
) -> list[tuple[Slot, int]]:
    """Spread ``events`` over ``days`` by the traffic curve: (slot, events) in time order, exact.

    ``busy``: days and hours that have ``INCIDENT_TRAFFIC`` times their traffic.
    """
    cells = [(day, hour) for day in days for hour in range(24)]
    weights = [
        _WEEKDAYS[day.weekday()] * _HOURS[hour] * (INCIDENT_TRAFFIC if (day, hour) in busy else 1.0)
        for day, hour in cells
    ]
    if events < LEAST_EVENTS * len(cells):
        # Too few for every hour: better some hours with whole traces than all with crumbs.
        weights = [float(count) for count in _apportion(max(1, events // LEAST_EVENTS), weights)]
    hourly = _apportion(events, weights)
    planned: list[tuple[Slot, int]] = []
    for (day, hour), count in zip(cells, hourly, strict=True):
        parts = max(1, ceil(count / SLICE_EVENTS))
        for part, share in enumerate(_apportion(count, [1.0] * parts)):
            planned.append((Slot(day, hour, part, parts), share))
    return planned


def days_from(start: date, days: int) -> list[date]:
    """``days`` dates in a row."""
    return [start + timedelta(days=offset) for offset in range(days)]


def run_slice(job: SliceJob) -> SliceResult:
    """Generate and write one slice with exactly ``job.events`` events."""
    plan, world = plan_and_world(job.seed, job.start, job.days, job.incident_every, job.is_quiet)
    slot = job.slot
    rng = seeded(job.seed, slot.day, slot.hour, slot.part)
    incidents = plan.incidents_of(slot.day)
    delivery = seeded(job.seed, slot.day, slot.hour, slot.part, "delivery")
    writer = SliceWriter(world, slot, Path(job.out), Path(job.parts), job.shares, delivery)
    errors = ErrorAim(job.error_share)
    felt = IncidentAim(slot, incidents if job.incident_every else ())
    walker = Walker(world, rng, errors.fault_scale)
    # One long line a day is all but certain, the others are chance.
    huge_due = slot.hour == 12 and slot.part == 0
    entries = [name for name, _ in ENTRIES]
    weights = list(accumulate(weight for _, weight in ENTRIES))
    waiting: list[tuple[str, Span]] = []  # published, not yet consumed by a batch
    affected: dict[str, list[str]] = {}
    left, misses, owed_logs = job.events, 0, 0.0
    while left > 0:
        entry = rng.choices(entries, cum_weights=weights)[0] if misses < MAX_MISSES else FILLER
        begin, end = felt.times() if misses < MAX_MISSES else (slot.start, slot.end)
        start = begin + int(rng.random() * (end - begin))
        links: list[tuple[str, Span]] = []
        if entry == BATCH_CONSUMER:
            links = waiting[-rng.randrange(3, 9) :]
            if not links:
                continue
            start = max(span.end for _, span in links) + 20_000_000
        walker.huge_due = huge_due and misses < MAX_MISSES  # it may not fit into a tiny slice
        # The last crumbs of a slice hold no failing trace.
        must_fail = misses < MAX_MISSES and errors.is_short()
        trace = walker.walk(entry, start, incidents, links, must_fail)
        if misses < MAX_MISSES and felt.is_missed_by(trace):
            continue
        logs, owed = _choose_logs(trace, owed_logs, walker)
        size = len(trace.spans) + len(logs)
        if size > left:
            misses += 1
            continue
        left -= size
        owed_logs = owed
        huge_due = huge_due and walker.huge_due
        if links:
            del waiting[-len(links) :]
        waiting += [(trace.trace_id, span) for span in trace.producers]
        writer.add(trace, logs)
        errors.add(trace)
        felt.add(trace)
        causes = [incident for incident in incidents if incident.id in trace.incidents]
        writer.judge(trace, causes)
        for incident in trace.incidents:
            affected.setdefault(incident, []).append(trace.trace_id)
    counts = writer.close() if job.events else {}
    return SliceResult(slot, counts, affected)


class ErrorAim:
    """Decides which traces of a slice have to fail for an aimed share of spans in error traces.

    Below what comes by itself, faults and incidents weigh less. Above it, a trace without an
    incident has to fail whenever those before it had too few failed spans.
    """

    def __init__(self, share: float | None) -> None:
        self.fault_scale, self.share = 1.0, 0.0
        if share is not None and share < NATURAL_ERROR_SHARE:
            room = NATURAL_ERROR_SHARE - LEAST_ERROR_SHARE
            self.fault_scale = max(0.0, share - LEAST_ERROR_SHARE) / room
        elif share is not None:
            self.share = share - INCIDENT_ERROR_SHARE
        self.spans = self.failed_spans = 0

    def is_short(self) -> bool:
        """True if the next trace has to fail."""
        return self.share * self.spans > self.failed_spans + _HALF_TRACE_SPANS

    def add(self, trace: Trace) -> None:
        """Take note of a trace that was written."""
        self.spans += len(trace.spans)
        if self.share and not trace.incidents and trace.is_error:
            self.failed_spans += len(trace.spans)


class IncidentAim:
    """Lets the first traces of a slice be ones that its incident failed.

    Of a few events an hour hardly one would meet an incident of minutes. ``incidents``: what the
    slice has to show; one that ends another and fails nothing is not asked for.
    """

    def __init__(self, slot: Slot, incidents: Sequence[Incident]) -> None:
        self.whole = (slot.start, slot.end)
        wanted = [
            incident
            for incident in incidents
            if slot.start <= incident.start < slot.end and incident.of.at
        ]
        self.incident = wanted[0] if wanted else None
        self.owed, self.tries = (INCIDENT_TRACES, MOST_TRIES) if wanted else (0, 0)

    def times(self) -> tuple[int, int]:
        """Between which times (unix ns) the next trace has to start."""
        if not self.owed or not self.incident:
            return self.whole
        return self.incident.start, min(self.incident.end, self.whole[1])

    def is_missed_by(self, trace: Trace) -> bool:
        """True if the incident has to fail the next trace, and this is not one."""
        if not self.owed or self._failed(trace):
            return False
        self.tries -= 1
        if not self.tries:
            self.owed = 0
        return True

    def add(self, trace: Trace) -> None:
        """Take note of a trace that was written."""
        if self.owed and self._failed(trace):
            self.owed, self.tries = self.owed - 1, MOST_TRIES

    def _failed(self, trace: Trace) -> bool:
        return bool(self.incident and self.incident.id in trace.incidents and trace.is_error)


def _choose_logs(trace: Trace, owed: float, walker: Walker) -> tuple[list[LogEntry], float]:
    """All WARN and ERROR records, and as many INFO records as keep the share of logs."""
    rng = walker.rng
    owed += len(trace.spans) * LOGS_PER_SPAN - len(trace.logs)
    wanted = min(max(0, round(owed)), len(trace.candidates))
    logs = list(trace.logs)
    for span, at, message in rng.sample(trace.candidates, wanted):
        logs.append(LogEntry(at, span.pod, span.span_id, 9, message % trace.ids))
    return logs, owed - wanted


@lru_cache(maxsize=1)
def plan_and_world(
    seed: int, start: date, days: int, incident_every: int | None = None, is_quiet: bool = False
) -> tuple[Plan, World]:
    """What happens in the days of the output, and the platform with all its pods."""
    plan = plan_days(seed, days_from(start, days), incident_every, is_quiet)
    return plan, build_world(seed, plan.rollouts)


def _apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Split ``total`` by ``weights`` into integers that add up to it (largest remainder)."""
    scale = total / sum(weights)
    exact = [weight * scale for weight in weights]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (counts[i] - exact[i], i))
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return counts
