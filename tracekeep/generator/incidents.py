"""Labelled incidents: what breaks, when, and how a call feels it.

A new kind is a subclass of ``Incident`` with a ``kind``, a length and a ``disturb`` method, listed
in ``INCIDENT_KINDS``. ``plan_incidents`` gives every kind of a day its own hour; a kind that
follows on another (``follow_up``) shares that one's hour.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import ClassVar, Literal

from .topology import Fault, seeded

SECOND = 1_000_000_000
MINUTE = 60 * SECOND

Place = Literal["request", "handler", "query", "call", "external"]


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a request where an incident may act; ``version`` is that of the pod at work.

    ``request`` and ``handler``: the endpoint ``target`` of ``service`` at the beginning and at the
    end of its work; ``query``: ``service`` asks the database ``target``; ``call``: ``service``
    calls the endpoint ``target``; ``external``: it calls the host ``target``.
    """

    place: Place
    service: str
    target: str
    version: str


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What an incident does to one point: replace the latency (ms), or fail, or both; at a
    ``call`` replace the deadline (ms)."""

    latency_ms: float | None = None
    fault: Fault | None = None
    deadline_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident with its label. Times are unix ns; the end is exclusive.

    A trace is under an incident if it starts inside ``[start, end)``; it is *affected* if
    ``disturb`` returned something for one of its points (a deadline: if it was exceeded).
    ``version`` is the ``service.version`` that the incident came with, empty if none.
    """

    kind: ClassVar[str]
    minutes: ClassVar[int]
    service: ClassVar[str]
    root_cause_service: ClassVar[str]
    description: ClassVar[str]
    cause: ClassVar[Literal["rollout", "canary", "rollback", "setting"] | None] = None
    follow_up: ClassVar[type[Incident] | None] = None

    id: str
    start: int
    end: int
    version: str = ""

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
    minutes = 12
    service = "ledger"
    root_cause_service = "ledger"
    description = (
        "The ledger throws LedgerInvariantViolatedException, never seen before, on 20 percent of "
        "PostEntries; payments and refunds fail up to the gateway."
    )
    share: ClassVar[float] = 0.2
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


class Rollback(Incident):
    """The end of a failing deploy: the earlier version is back, and the errors stop."""

    __slots__ = ()
    kind = "rollback"
    minutes = 8
    service = "checkout"
    root_cause_service = "checkout"
    description = (
        "The checkout goes back to its earlier version: the errors of the failing deploy stop. "
        "No trace is affected; the window is the time to look whether it helped."
    )
    cause = "rollback"

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Nothing: this is the recovery."""
        return None


class FailingDeploy(Incident):
    """A new version of one service fails a part of its requests until it is rolled back."""

    __slots__ = ()
    kind = "failing_deploy"
    minutes = 14
    service = "checkout"
    root_cause_service = "checkout"
    description = (
        "A new version of checkout fails 30 percent of its requests with a TypeError, until it is "
        "rolled back."
    )
    cause = "rollout"
    follow_up = Rollback
    share: ClassVar[float] = 0.3
    fault: ClassVar[Fault] = Fault(
        1.0, "TypeError", "Cannot read properties of undefined (reading 'taxes') in order %(order)s"
    )

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Fail a share of the requests that reach the new version."""
        return _version_fails(self, point, rng, self.share, self.fault)


class Canary(Incident):
    """A new version on one pod beside the others fails more than they do."""

    __slots__ = ()
    kind = "canary"
    minutes = 24
    service = "auth"
    root_cause_service = "auth"
    description = (
        "One canary pod of auth runs a new version, which refuses to read 40 percent of the "
        "sessions; the other pods are well."
    )
    cause = "canary"
    share: ClassVar[float] = 0.4
    fault: ClassVar[Fault] = Fault(
        1.0, "*json.UnmarshalTypeError", "session of user %(user_id)s: cannot unmarshal scopes"
    )

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Fail a share of the requests that reach the canary pod."""
        return _version_fails(self, point, rng, self.share, self.fault)


class ConnectionPoolExhausted(Incident):
    """Queries wait for a connection of the pool; many wait in vain."""

    __slots__ = ()
    kind = "connection_pool_exhausted"
    minutes = 12
    service = "merchant"
    root_cause_service = "merchant"
    description = (
        "The merchant's pool of database connections is exhausted: 70 percent of its queries wait "
        "for a connection, and two in ten give up after 3 s."
    )
    wait_share: ClassVar[float] = 0.5
    fail_share: ClassVar[float] = 0.2
    fault: ClassVar[Fault] = Fault(
        1.0,
        "java.sql.SQLTransientConnectionException",
        "merchant-pool - Connection is not available, request timed out after 3000 ms "
        "(total=10, active=10, idle=0, waiting=23)",
        http=500,
        grpc=14,
        took_ms=3000.0,
    )

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Let the queries of merchant wait; a share of them fails with a timeout."""
        if point.place != "query" or point.service != "merchant" or point.target != "postgresql":
            return None
        chance = rng.random()
        if chance < self.fail_share:
            return Disturbance(fault=self.fault)
        if chance < self.fail_share + self.wait_share:
            return Disturbance(latency_ms=200.0 + 2700.0 * rng.random())
        return None


class RetryStorm(Incident):
    """A service turns requests away, its caller tries again and again: traffic multiplies."""

    __slots__ = ()
    kind = "retry_storm"
    minutes = 14
    service = "auth"
    root_cause_service = "auth"
    description = (
        "The auth service turns away 85 percent of Issue with UNAVAILABLE; the gateway tries up to "
        "six times, which multiplies the requests to auth."
    )
    share: ClassVar[float] = 0.85
    fault: ClassVar[Fault] = Fault(
        1.0,
        "*auth.QueueFullError",
        "hash queue is full, sign-in of user %(user_id)s turned away",
        http=503,
        grpc=14,
    )

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Turn away a share of the requests, each try anew."""
        if point.place != "request" or point.target != "auth.issue":
            return None
        return Disturbance(fault=self.fault) if rng.random() < self.share else None


class CertificateExpiry(Incident):
    """The certificate of a peer has expired: every TLS call of one service to it fails."""

    __slots__ = ()
    kind = "certificate_expiry"
    minutes = 8
    service = "bank-connector"
    root_cause_service = "bank-connector"
    description = (
        "The certificate of api.seebank.example has expired: every TLS call of the bank-connector "
        "to this bank fails in the handshake, the other banks are well."
    )
    host: ClassVar[str] = "api.seebank.example"
    fault: ClassVar[Fault] = Fault(
        1.0,
        "javax.net.ssl.SSLHandshakeException",
        "PKIX path validation failed: certificate of api.seebank.example has expired",
        http=0,
        grpc=13,
        took_ms=24.0,
    )

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Fail every call to the host."""
        if point.place != "external" or point.service != self.service or point.target != self.host:
            return None
        return Disturbance(fault=self.fault)


class ConfigChange(Incident):
    """A setting is changed, the version is not: a timeout became far too short."""

    __slots__ = ()
    kind = "config_change"
    minutes = 14
    service = "gateway"
    root_cause_service = "gateway"
    description = (
        "The gateway's timeout for wallet is changed from 3000 to 3 ms, without a new version: "
        "calls of GetBalance end in DEADLINE_EXCEEDED although the wallet answers as fast as ever."
    )
    cause = "setting"
    deadline_ms: ClassVar[float] = 3.0

    def disturb(self, point: Point, rng: random.Random) -> Disturbance | None:
        """Shorten the deadline of every call from gateway to wallet.balance."""
        if (point.place, point.service, point.target) != ("call", "gateway", "wallet.balance"):
            return None
        return Disturbance(deadline_ms=self.deadline_ms)


INCIDENT_KINDS: tuple[type[Incident], ...] = (
    SlowBank,
    NewErrorType,
    FailingDeploy,
    ConnectionPoolExhausted,
    RetryStorm,
    CertificateExpiry,
    ConfigChange,
    Canary,
)

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


def kinds_of_day(place: int, every: int | None) -> Sequence[type[Incident]]:
    """The kinds of incident of the day at ``place`` (from 0): all of them, or one each ``every``
    days, in turn."""
    if every is None:
        return INCIDENT_KINDS
    number, rest = divmod(place, every)
    return () if rest else (INCIDENT_KINDS[number % len(INCIDENT_KINDS)],)


def plan_incidents(
    seed: int, day: date, kinds: Sequence[type[Incident]] = INCIDENT_KINDS
) -> tuple[Incident, ...]:
    """The incidents of ``day``, in time order: each of ``kinds`` once, in an hour of its own.

    Which version an incident comes with is not known here (``changes.plan_days`` fills it in).
    """
    rng = seeded(seed, "incidents", day)
    hours = rng.sample(BUSY_HOURS, len(kinds))
    planned: list[Incident] = []
    for kind, hour in zip(kinds, hours, strict=True):
        chain = [kind, kind.follow_up] if kind.follow_up else [kind]
        room = 60 - sum(link.minutes for link in chain)
        at = day_start(day) + (hour * 60 + rng.randrange(LEAD_MINUTES, room)) * MINUTE
        for link in chain:
            planned.append(link(f"{day}-{link.kind}", at, at + link.minutes * MINUTE))
            at = planned[-1].end
    return tuple(sorted(planned, key=lambda incident: incident.start))


def _version_fails(
    incident: Incident, point: Point, rng: random.Random, share: float, fault: Fault
) -> Disturbance | None:
    """Fail a share of the requests to pods with the incident's version of its service."""
    if (point.place, point.service, point.version) != (
        "request",
        incident.service,
        incident.version,
    ):
        return None
    return Disturbance(fault=fault) if rng.random() < share else None
