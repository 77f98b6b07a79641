"""Labelled incidents: what breaks, when, and how a call feels it.

A new kind is a subclass of ``Incident`` with a ``kind``, a length and a ``disturb`` method, listed
in ``INCIDENT_KINDS``. ``plan_incidents`` gives every kind its own hour of the day.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import ClassVar, Literal

from .topology import Fault, seeded

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a call where an incident may act.

    ``external``: a call of ``target`` (a host) by ``service``; ``handler``: the endpoint ``target``
    of ``service`` at the end of its work.
    """

    place: Literal["external", "handler"]
    service: str
    target: str


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What an incident does to one point: replace the latency (ms), or fail, or both."""

    latency_ms: float | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident with its label. Times are unix ns; the end is exclusive.

    A trace is under an incident if it starts inside ``[start, end)``; it is *affected* if
    ``disturb`` returned something for one of its points.
    """

    kind: ClassVar[str]
    minutes: ClassVar[int]
    service: ClassVar[str]
    root_cause_service: ClassVar[str]
    description: ClassVar[str]

    id: str
    start: int
    end: int

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Return what happens at ``point``, or None if this incident does not touch it."""
        raise NotImplementedError


class SlowBank(Incident):
    """The banks answer in seconds instead of a tenth of one."""

    __slots__ = ()
    kind = "slow_bank"
    minutes = 20
    service = "bank-connector"
    root_cause_service = "bank-connector"
    description = (
        "The bank-connector's calls to the banks take seconds instead of 190 ms; calls beyond the "
        "8 s deadline of payment end in DEADLINE_EXCEEDED and are tried again."
    )

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Slow down every call from bank-connector to a bank."""
        if point.place != "external" or point.service != "bank-connector":
            return None
        return Disturbance(latency_ms=2600.0 * rng.lognormvariate(0.0, 0.8))


class NewErrorType(Incident):
    """The ledger throws an exception type that was never seen before."""

    __slots__ = ()
    kind = "new_error_type"
    minutes = 15
    service = "ledger"
    root_cause_service = "ledger"
    description = (
        "The ledger throws LedgerInvariantViolatedException, never seen before, on 35 percent of "
        "PostEntries; payments and refunds fail up to the gateway."
    )
    share: ClassVar[float] = 0.35
    fault: ClassVar[Fault] = Fault(
        1.0,
        "com.example.payments.ledger.LedgerInvariantViolatedException",
        "journal %(number)s of payment %(payment_id)s is unbalanced by %(amount)s cents",
        http=500,
        grpc=13,
    )

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Fail a share of the postings."""
        if point.place != "handler" or point.target != "ledger.post":
            return None
        return Disturbance(fault=self.fault) if rng.random() < self.share else None


INCIDENT_KINDS: tuple[type[Incident], ...] = (SlowBank, NewErrorType)

# Busy hours, far enough from midnight that no incident leaves its day.
_HOURS = range(8, 21)


def day_start(day: date) -> int:
    """Unix ns of 00:00 UTC of ``day``."""
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp()) * SECOND


def plan_incidents(seed: int, day: date) -> tuple[Incident, ...]:
    """The incidents of ``day``, in time order: every kind once, each in an hour of its own."""
    rng = seeded(seed, "incidents", day)
    hours = rng.sample(_HOURS, len(INCIDENT_KINDS))
    planned: list[Incident] = []
    for kind, hour in zip(INCIDENT_KINDS, hours, strict=True):
        start = day_start(day) + (hour * 60 + rng.randrange(2, 60 - kind.minutes)) * MINUTE
        planned.append(kind(f"{day}-{kind.kind}", start, start + kind.minutes * MINUTE))
    return tuple(sorted(planned, key=lambda incident: incident.start))
