"""Labelled incidents: what breaks, when, and how a call feels it.

incidents.yml holds the kinds. ``plan_incidents`` gives every kind of a day its own hour; a kind
that follows on another (``follow_up``) shares that one's hour.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Literal

import yaml
from msgspec import Struct, convert

from .topology import Fault, seeded

SECOND = 1_000_000_000
MINUTE = 60 * SECOND

Place = Literal["request", "handler", "query", "call", "network", "log", "external"]


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a request where an incident may act; ``version`` is that of the pod at work.

    ``request`` and ``handler``: the endpoint ``target`` of ``service`` at the beginning and at the
    end of its work; ``query``: ``service`` asks the database ``target``; ``call``: ``service``
    calls the endpoint ``target``; ``network``: what that call is on its way; ``log``: the endpoint
    ``target`` writes its log statements; ``external``: it calls the host ``target``.
    """

    place: Place
    service: str
    target: str
    version: str


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What an incident does to one point: replace the latency (ms), or fail, or both; at a
    ``call`` replace the deadline (ms), at a ``network`` add the latency; at a ``log`` write no
    statement but the first."""

    latency_ms: float | None = None
    fault: Fault | None = None
    deadline_ms: float | None = None
    is_silent: bool = False


class Where(Struct, frozen=True, forbid_unknown_fields=True):
    """The points that an incident touches; empty: any. ``is_new_version``: only pods with the
    version that the incident came with."""

    place: Place
    service: str = ""
    target: str = ""
    is_new_version: bool = False


class Slow(Struct, frozen=True, forbid_unknown_fields=True):
    """A latency by a log-normal distribution."""

    median_ms: float
    sigma: float


class Wait(Struct, frozen=True, forbid_unknown_fields=True):
    """A latency, evenly distributed, that a point has with a ``chance``."""

    chance: float
    least_ms: float
    spread_ms: float


class Kind(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of incident: one entry of incidents.yml.

    ``service`` is the root cause. ``cause``: the change that it comes with. ``follow_up``: the kind
    that begins when this one ends, in the same hour. ``at`` None: it touches nothing. Then one of
    ``slow``, ``deadline_ms``, ``is_silent`` or ``fault``, with what ``wait`` says where there is no
    fault. ``is_quiet``: counts and latencies of endpoints hardly show it.
    """

    minutes: int
    service: str
    description: str
    cause: Literal["rollout", "canary", "rollback", "setting"] | None = None
    follow_up: str | None = None
    at: Where | None = None
    slow: Slow | None = None
    fault: Fault | None = None
    wait: Wait | None = None
    deadline_ms: float | None = None
    is_silent: bool = False
    is_quiet: bool = False


KINDS = convert(
    yaml.safe_load(Path(__file__).with_name("incidents.yml").read_text(encoding="utf-8")),
    dict[str, Kind],
)
_FOLLOWING = {kind.follow_up for kind in KINDS.values()}
INCIDENT_KINDS = tuple(
    name for name, kind in KINDS.items() if name not in _FOLLOWING and not kind.is_quiet
)
QUIET_KINDS = tuple(name for name, kind in KINDS.items() if kind.is_quiet)


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident with its label. Times are unix ns; the end is exclusive.

    A trace is under an incident if it starts inside ``[start, end)``; it is *affected* if
    ``disturb`` returned something for one of its points (a deadline: if it was exceeded).
    ``version`` is the ``service.version`` that the incident came with, empty if none.
    """

    kind: str
    id: str
    start: int
    end: int
    version: str = ""

    @property
    def of(self) -> Kind:
        """What incidents.yml says of the kind."""
        return KINDS[self.kind]

    @property
    def service(self) -> str:
        """The service that breaks, which is the root cause."""
        return self.of.service

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """What happens at ``point``; None if this incident does not touch it."""
        kind, at = self.of, self.of.at
        if (
            at is None
            or point.place != at.place
            or at.service not in ("", point.service)
            or at.target not in ("", point.target)
            or (at.is_new_version and point.version != self.version)
        ):
            return None
        if kind.deadline_ms is not None:
            return Disturbance(deadline_ms=kind.deadline_ms)
        if kind.is_silent:
            return Disturbance(is_silent=True)
        if kind.slow:
            factor = rng.lognormvariate(0.0, kind.slow.sigma)
            return Disturbance(latency_ms=kind.slow.median_ms * factor)
        if kind.fault is None:
            return None
        chance = rng.random() if kind.fault.chance < 1 else 0.0
        if chance < kind.fault.chance:
            return Disturbance(fault=kind.fault)
        if kind.wait and chance < kind.fault.chance + kind.wait.chance:
            return Disturbance(latency_ms=kind.wait.least_ms + kind.wait.spread_ms * rng.random())
        return None


# Busy hours, far enough from midnight that no incident leaves its day.
BUSY_HOURS = range(8, 21)
# Minutes before an incident that its hour keeps free: its change comes in them.
LEAD_MINUTES = 4


def day_start(day: date) -> int:
    """Unix ns of 00:00 UTC of ``day``."""
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp()) * SECOND


def hour_of(at: int) -> tuple[date, int]:
    """The day and the hour, UTC, of a time in unix ns."""
    time = datetime.fromtimestamp(at // SECOND, UTC)
    return time.date(), time.hour


def kinds_of_day(place: int, every: int | None, is_quiet: bool = False) -> Sequence[str]:
    """The kinds of incident of the day at ``place`` (from 0), the loud or the quiet ones: all of
    them, or one each ``every`` days, in turn."""
    kinds = QUIET_KINDS if is_quiet else INCIDENT_KINDS
    if every is None:
        return kinds
    number, rest = divmod(place, every)
    return () if rest else (kinds[number % len(kinds)],)


def plan_incidents(
    seed: int, day: date, kinds: Sequence[str] = INCIDENT_KINDS
) -> tuple[Incident, ...]:
    """The incidents of ``day``, in time order: each of ``kinds`` once, in an hour of its own.

    Which version an incident comes with is not known here (``changes.plan_days`` fills it in).
    """
    rng = seeded(seed, "incidents", day)
    hours = rng.sample(BUSY_HOURS, len(kinds))
    planned: list[Incident] = []
    for kind, hour in zip(kinds, hours, strict=True):
        chain = [kind, *filter(None, [KINDS[kind].follow_up])]
        room = 60 - sum(KINDS[link].minutes for link in chain)
        at = day_start(day) + (hour * 60 + rng.randrange(LEAD_MINUTES, room)) * MINUTE
        for link in chain:
            end = at + KINDS[link].minutes * MINUTE
            planned.append(Incident(link, f"{day}-{link}", at, end))
            at = end
    return tuple(sorted(planned, key=lambda incident: incident.start))
