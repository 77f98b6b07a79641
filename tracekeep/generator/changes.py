"""Changes: deployments, rollbacks and settings, those that break something and those that do not.

``plan_days`` adds them to the incidents of a run of days: one change shortly before each incident
that a change caused, the changes that end such an incident, and decoys without any effect on days
with incidents. Versions stay until the next deployment, so a day depends on the days before it,
never on those after.

Source of the written form: cdevents.dev, specification 0.4.1, and CloudEvents 1.0.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Literal

from .incidents import (
    BUSY_HOURS,
    MINUTE,
    SECOND,
    Incident,
    day_start,
    kinds_of_day,
    plan_incidents,
)
from .topology import SERVICES, Rollout, seeded

ENVIRONMENT = "production"
_MS = 1_000_000

ChangeType = Literal["deployed", "upgraded", "rolledback", "modified"]
_TYPES: dict[ChangeType, str] = {
    "deployed": "dev.cdevents.service.deployed.0.2.0",
    "upgraded": "dev.cdevents.service.upgraded.0.2.0",
    "rolledback": "dev.cdevents.service.rolledback.0.2.0",
    "modified": "dev.cdevents.environment.modified.0.2.0",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of a service's settings and the two values it goes to and fro between."""

    service: str
    key: str
    values: tuple[str, str]


_WALLET_TIMEOUT = Setting("gateway", "WALLET_TIMEOUT_MS", ("3000", "3"))
# Nothing in the platform depends on these.
_HARMLESS = (
    Setting("payment", "RECEIPT_LAYOUT", ("classic", "compact")),
    Setting("fraud", "MODEL_LOG_LEVEL", ("info", "debug")),
    Setting("ledger", "BATCH_CLOSE_MINUTE", ("55", "50")),
    Setting("wallet", "BALANCE_ROUNDING_LOG", ("false", "true")),
    Setting("notification", "QUOTA_WARN_PERCENT", ("92", "95")),
    Setting("merchant", "REPORT_FOOTER", ("short", "long")),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change. Times are unix ns.

    ``at`` is when it was made, ``effective_at`` since when requests see it. ``incident_id`` names
    the incident that it caused and ``ended_incident_id`` the one that it ended, empty if none; a
    change with neither is a decoy. ``version`` is what the service runs afterwards (a canary: on
    one pod), empty for a setting.
    """

    id: str
    type: ChangeType
    service: str
    at: int
    effective_at: int
    version: str = ""
    incident_id: str = ""
    ended_incident_id: str = ""
    is_canary: bool = False
    setting: tuple[str, str, str] = ("", "", "")  # key, from, to

    @property
    def event_type(self) -> str:
        """The CDEvents type."""
        return _TYPES[self.type]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that happens in a run of days, each in time order."""

    incidents: tuple[Incident, ...]
    changes: tuple[Change, ...]
    rollouts: tuple[Rollout, ...]

    def incidents_of(self, day: date) -> tuple[Incident, ...]:
        """The incidents of one day."""
        start = day_start(day)
        return tuple(i for i in self.incidents if start <= i.start < start + 24 * 60 * MINUTE)


def plan_days(
    seed: int, days: Sequence[date], incident_every: int | None = None, is_quiet: bool = False
) -> Plan:
    """Plan the incidents and the changes of ``days``, which follow on each other.

    ``incident_every``: days from one incident to the next; None: every kind each day. ``is_quiet``:
    the quiet kinds instead of the loud ones.
    """
    planner = _Planner(seed)
    for place, day in enumerate(days):
        if kinds := kinds_of_day(place, incident_every, is_quiet):
            planner.plan(day, kinds)
    return Plan(
        tuple(planner.incidents),
        tuple(sorted(planner.changes, key=lambda change: (change.at, change.id))),
        tuple(sorted(planner.rollouts, key=lambda rollout: (rollout.at, rollout.service))),
    )


class _Planner:
    """What runs where at the end of the days planned so far."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.incidents: list[Incident] = []
        self.changes: list[Change] = []
        self.rollouts: list[Rollout] = []
        self.running = {service.name: service.version for service in SERVICES}
        self.before = dict(self.running)  # the version that ran before the running one
        self.newest = dict(self.running)
        self.set_to = {setting: setting.values[0] for setting in (_WALLET_TIMEOUT, *_HARMLESS)}

    def plan(self, day: date, kinds: Sequence[str]) -> None:
        self.rng = seeded(self.seed, "changes", day)
        incidents = plan_incidents(self.seed, day, kinds)
        made = {incident.kind: self._cause(incident) for incident in incidents}
        causes = {kind: change for kind, change in made.items() if change}
        self._decoys(day, incidents, causes)

    def _cause(self, incident: Incident) -> Change | None:
        """Make the change that causes ``incident``, if one does, and the one that ends it."""
        change = None
        match incident.of.cause:
            case "rollout":
                version = self._next_version(incident.service)
                incident = replace(incident, version=version)
                change = self._deploy("upgraded", incident.service, version, incident.start)
            case "rollback":
                failed = self.incidents[-1]
                earlier = self.before[incident.service]
                incident = replace(incident, version=earlier)
                change = self._deploy("rolledback", incident.service, earlier, incident.start)
                change = replace(change, ended_incident_id=failed.id)
            case "canary":
                version = self._next_version(incident.service)
                incident = replace(incident, version=version)
                self.rollouts.append(
                    Rollout(incident.service, version, incident.start, incident.end)
                )
                change = self._change("deployed", incident.service, incident.start, version)
                change = replace(change, is_canary=True)
                running = self.running[incident.service]
                end = self._change("rolledback", incident.service, incident.end, running)
                self.changes.append(replace(end, is_canary=True, ended_incident_id=incident.id))
            case "setting":
                change = self._set(_WALLET_TIMEOUT, incident.start)
                end = self._set(_WALLET_TIMEOUT, incident.end)
                self.changes.append(replace(end, ended_incident_id=incident.id))
        if change:
            change = replace(change, incident_id=incident.id)
            self.changes.append(change)
        self.incidents.append(incident)
        return change

    def _decoys(self, day: date, incidents: Sequence[Incident], causes: dict[str, Change]) -> None:
        """Changes without effect: in quiet hours, beside one that matters, before an incident
        that no change caused."""
        rng = self.rng
        moved = {incident.service for incident in incidents if incident.of.cause}
        services = [service.name for service in SERVICES if service.name not in moved]
        rng.shuffle(services)
        settings = rng.sample(_HARMLESS, 3)
        taken = {(incident.start - day_start(day)) // (60 * MINUTE) for incident in incidents}
        hours = rng.sample([hour for hour in BUSY_HOURS if hour not in taken], 4)
        quiet = [day_start(day) + hour * 60 * MINUTE + self._between(5, 30) for hour in hours]
        for at in quiet[:2]:
            self._decoy_deployment(services.pop(), at)
        for at, setting in zip(quiet[2:], settings[:2], strict=True):
            self.changes.append(self._set(setting, at + self._lag(), at))
        # Two at nearly the same time, of which one matters.
        for kind in ("failing_deploy", "config_change"):
            if kind not in causes:
                continue
            at = causes[kind].at + rng.choice((-1, 1)) * int(rng.uniform(4, 45) * 1000) * _MS
            if kind == "failing_deploy":
                self._decoy_deployment(services.pop(), at)
            else:
                self.changes.append(self._set(settings[2], at + self._lag(), at))
        # One before an incident that has no change as its cause, of a service that is well.
        bystanders = [incident for incident in incidents if incident.of.cause is None]
        if bystanders:
            bystander = rng.choice(bystanders)
            well = next(name for name in services if name != bystander.service)
            self._decoy_deployment(well, bystander.start - self._between(2, 4))

    def _decoy_deployment(self, service: str, at: int) -> None:
        kind: ChangeType = self.rng.choice(("deployed", "upgraded"))
        version = self._next_version(service)
        self.changes.append(self._deploy(kind, service, version, at + self._lag(), at))

    def _deploy(
        self, kind: ChangeType, service: str, version: str, effective_at: int, at: int | None = None
    ) -> Change:
        self.rollouts.append(Rollout(service, version, effective_at))
        self.before[service], self.running[service] = self.running[service], version
        return self._change(kind, service, effective_at, version, at)

    def _set(self, setting: Setting, effective_at: int, at: int | None = None) -> Change:
        old = self.set_to[setting]
        new = setting.values[1] if old == setting.values[0] else setting.values[0]
        self.set_to[setting] = new
        change = self._change("modified", setting.service, effective_at, "", at)
        return replace(change, setting=(setting.key, old, new))

    def _change(
        self, kind: ChangeType, service: str, effective_at: int, version: str, at: int | None = None
    ) -> Change:
        return Change(
            id=str(uuid.UUID(int=self.rng.getrandbits(128), version=4)),
            type=kind,
            service=service,
            at=effective_at - self._lag() if at is None else at,
            effective_at=effective_at,
            version=version,
        )

    def _lag(self) -> int:
        """From a change to its effect: new pods start, settings are read anew. In ns, whole ms."""
        return self.rng.randrange(30_000, 150_000) * _MS

    def _between(self, least: int, most: int) -> int:
        """A time of some minutes, in ns, whole ms."""
        return self.rng.randrange(least * 60_000, most * 60_000) * _MS

    def _next_version(self, service: str) -> str:
        """A version that never ran before: the next minor one."""
        major, minor, _ = self.newest[service].split(".")
        self.newest[service] = f"{major}.{int(minor) + 1}.0"
        return self.newest[service]


def cdevent(change: Change) -> str:
    """The change as one line of JSON.

    Deployments come as plain CDEvents; settings in a CloudEvents envelope, as another tool emits
    them. A setting's service stands in ``customData``: CDEvents knows only the environment there.
    """
    where = {"id": ENVIRONMENT, "source": "/clusters/eu-central-1"}
    custom: dict[str, object]
    if change.type == "modified":
        key, old, new = change.setting
        source = "/gitops/settings"
        subject = {
            **where,
            "type": "environment",
            "content": {"name": ENVIRONMENT},
        }
        custom = {"service": change.service, "key": key, "from": old, "to": new}
    else:
        source = "/cd/pipelines"
        digest = sha256(f"{change.service}:{change.version}".encode()).hexdigest()
        repository = f"registry.example/payments/{change.service}"
        subject = {
            "id": change.service,
            "source": source,
            "type": "service",
            "content": {
                "environment": where,
                "artifactId": f"pkg:oci/{change.service}@sha256%3A{digest}"
                f"?repository_url={repository}&tag={change.version}",
            },
        }
        custom = {"strategy": "canary" if change.is_canary else "rolling"}
    event = {
        "context": {
            "version": "0.4.1",
            "id": change.id,
            "source": source,
            "type": change.event_type,
            "timestamp": utc_ms(change.at),
        },
        "subject": subject,
        "customData": custom,
        "customDataContentType": "application/json",
    }
    if change.type == "modified":
        event = {
            "specversion": "1.0",
            "id": change.id,
            "source": source,
            "type": change.event_type,
            "time": utc_ms(change.at),
            "datacontenttype": "application/json",
            "data": event,
        }
    return json.dumps(event, separators=(",", ":"))


def truth_of(change: Change) -> dict[str, object]:
    """The row of ``truth/changes.json``."""
    key, old, new = change.setting
    return {
        "id": change.id,
        "type": change.event_type,
        "service": change.service,
        "time": utc_ms(change.at),
        "time_unix_nano": change.at,
        "effective_unix_nano": change.effective_at,
        "version": change.version or None,
        "is_canary": change.is_canary,
        "setting": {"key": key, "from": old, "to": new} if key else None,
        "incident_id": change.incident_id or None,
        "ended_incident_id": change.ended_incident_id or None,
    }


def changes_by_day(changes: Iterable[Change]) -> dict[date, list[Change]]:
    """The changes of each day, UTC, in time order."""
    days: dict[date, list[Change]] = {}
    for change in changes:
        day = datetime.fromtimestamp(change.at // SECOND, UTC).date()
        days.setdefault(day, []).append(change)
    return days


def utc_ms(nanoseconds: int) -> str:
    """A time of whole ms as ``2026-01-12T10:00:00.000Z``."""
    time = datetime.fromtimestamp(nanoseconds // SECOND, UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{nanoseconds % SECOND // _MS:03d}Z"
