"""The payments platform that is simulated: services, pods, endpoints and what each endpoint calls.

platform.yml holds the data: a new service or call path is a few lines there. This module says
what each field means; ``traces.py`` walks the steps.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Literal

import yaml
from msgspec import Struct, convert

NAMESPACE = "payments"
REGION = "eu-central-1"

Language = Literal["java", "go", "nodejs", "python"]
LogRoad = Literal["json", "text", "otlp"]

# Digits that are both hexadecimal and in the alphabet Kubernetes uses for generated names.
_REPLICA_SET_ALPHABET = "bcdf2456789"
_POD_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """One deployment.

    ``old_names``: its instrumentation still writes ``http.method`` and friends.
    ``sets_status``: False if its instrumentation leaves the span status unset on failures.
    ``log_road``: ``json`` or ``text`` lines in the pod's log file, or ``otlp``.
    """

    name: str
    language: Language
    version: str
    replicas: int
    log_road: LogRoad
    old_names: bool = False
    sets_status: bool = True
    port: int = 8080


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod with its ``service.version``; ``index`` is its position in ``World.pods``."""

    index: int
    service: Service
    version: str
    name: str
    uid: str
    node: str
    ip: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """Another version of a service takes the requests from ``at`` on (unix ns), on new pods.

    ``until`` 0: on all pods, for good. Else a canary: one pod beside the others, until then.
    """

    service: str
    version: str
    at: int
    until: int = 0


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """A way to fail. ``chance`` is per execution; ``message`` is a ``%(id)s`` template.

    ``http`` and ``grpc`` are the codes that the failing side answers with. ``took_ms`` is the
    time until the failure shows (None: as long as a success takes).
    """

    chance: float
    type: str
    message: str
    http: int = 500
    grpc: int = 13
    took_ms: float | None = None


class Query(Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="query"):
    """A database client span."""

    system: Literal["postgresql", "redis"]
    namespace: str
    operation: str
    table: str
    median_ms: float
    faults: tuple[Fault, ...] = ()
    chance: float = 1.0
    optional: bool = False


class External(Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="external"):
    """An HTTP client span to a host outside the platform.

    ``accepted``: an HTTP code >= 400 that the caller takes for a success now and then (0: none).
    """

    host: str
    method: str
    path: str
    median_ms: float
    timeout_ms: float
    faults: tuple[Fault, ...] = ()
    accepted: int = 0
    chance: float = 1.0
    optional: bool = False


class Call(Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="call"):
    """A call of another service's endpoint; ``optional`` calls may fail without failing the caller.

    ``client_span`` False: the caller's client library is not instrumented.
    """

    endpoint: str
    chance: float = 1.0
    optional: bool = False
    tries: int = 1
    deadline_ms: float | None = None
    client_span: bool = True


class Publish(Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="publish"):
    """A producer span; ``consumer`` handles the message in the same trace, None: in a batch."""

    topic: str
    consumer: str | None
    chance: float = 1.0
    optional: bool = False


class Internal(Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="internal"):
    """An internal span around ``steps``."""

    name: str
    median_ms: float
    steps: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()
    chance: float = 1.0
    optional: bool = False


class Parallel(Struct, frozen=True, forbid_unknown_fields=True, tag_field="step", tag="parallel"):
    """Steps that start together; the slowest one ends the group."""

    steps: tuple[Step, ...]
    chance: float = 1.0
    optional: bool = False


Step = Query | External | Call | Publish | Internal | Parallel


class Endpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """What a service offers, and the steps that serving it takes.

    ``route`` is an HTTP route with ``{id}`` parts, ``package.Service/Method`` for gRPC, or the
    topic of a consumer. ``raw_name``: the instrumentation knows no route, so the span name holds
    the ids and ``http.route`` is missing.
    """

    key: str
    service: str
    protocol: Literal["http", "grpc", "queue", "job"]
    route: str
    median_ms: float
    method: str = ""
    steps: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()
    infos: tuple[str, ...] = ()
    warning: str = "slow answer, pool at 91 percent"
    raw_name: bool = False


class Platform(Struct, frozen=True, forbid_unknown_fields=True):
    """platform.yml. ``entries``: shares of the requests from outside, and jobs, by endpoint."""

    services: tuple[Service, ...]
    entries: dict[str, float]
    endpoints: tuple[Endpoint, ...]


PLATFORM = convert(
    yaml.safe_load(Path(__file__).with_name("platform.yml").read_text(encoding="utf-8")), Platform
)
SERVICES = PLATFORM.services
ENTRIES = tuple(PLATFORM.entries.items())
FILLER = "gateway.health"
BATCH_CONSUMER = "ledger.settle"

BANKS = ("nordbank", "alpenbank", "rheinbank", "seebank")


@dataclass(frozen=True, slots=True)
class World:
    """The platform as one seed sees it: the same services, other pod names and nodes.

    ``pods`` are all that ever ran. ``shifts`` holds, per service, since when (unix ns) which pods
    take its requests, in time order.
    """

    endpoints: dict[str, Endpoint]
    services: dict[str, Service]
    pods: tuple[Pod, ...]
    shifts: dict[str, list[tuple[int, tuple[Pod, ...]]]]

    def pods_at(self, service: str, at: int) -> tuple[Pod, ...]:
        """The pods that take requests to ``service`` at ``at`` (unix ns)."""
        shifts = self.shifts[service]
        place = bisect_right(shifts, at, key=itemgetter(0)) if len(shifts) > 1 else 1
        return shifts[place - 1][1]


def seeded(*parts: object) -> random.Random:
    """A random generator that depends on ``parts`` alone (never on ``hash()`` or the process)."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))


def build_world(seed: int, rollouts: Sequence[Rollout] = ()) -> World:
    """Name the pods, nodes and uids of ``seed``; ``rollouts`` are in time order.

    A pod's index and names depend on the earlier rollouts only, never on later ones.
    """
    rng = seeded(seed, "world")
    nodes = [
        f"ip-10-0-{rng.randrange(1, 16)}-{rng.randrange(4, 250)}.{REGION}.compute.internal"
        for _ in range(6)
    ]
    pods: list[Pod] = []

    def start_pods(
        rng: random.Random, service: Service, version: str, replica_set: str, count: int
    ) -> tuple[Pod, ...]:
        for _ in range(count):
            suffix = "".join(rng.choices(_POD_ALPHABET, k=5))
            pods.append(
                Pod(
                    index=len(pods),
                    service=service,
                    version=version,
                    name=f"{service.name}-{replica_set}-{suffix}",
                    uid=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                    node=rng.choice(nodes),
                    ip=f"10.1.{rng.randrange(0, 32)}.{rng.randrange(2, 250)}",
                )
            )
        return tuple(pods[-count:])

    services = {service.name: service for service in SERVICES}
    shifts: dict[str, list[tuple[int, tuple[Pod, ...]]]] = {}
    replica_sets: dict[tuple[str, str], str] = {}
    for service in SERVICES:
        name = _replica_set(rng)
        replica_sets[service.name, service.version] = name
        first = start_pods(rng, service, service.version, name, service.replicas)
        shifts[service.name] = [(0, first)]
    for rollout in rollouts:
        service = services[rollout.service]
        own = seeded(seed, "rollout", rollout.service, rollout.version, rollout.at)
        # A version that comes back has its replica set of old, but new pods.
        name = replica_sets.setdefault((service.name, rollout.version), _replica_set(own))
        count = 1 if rollout.until else service.replicas
        started = start_pods(own, service, rollout.version, name, count)
        before = shifts[service.name][-1][1]
        if rollout.until:
            shifts[service.name] += [(rollout.at, before + started), (rollout.until, before)]
        else:
            shifts[service.name].append((rollout.at, started))
    return World(
        endpoints={endpoint.key: endpoint for endpoint in PLATFORM.endpoints},
        services=services,
        pods=tuple(pods),
        shifts=shifts,
    )


def _replica_set(rng: random.Random) -> str:
    return "".join(rng.choices(_REPLICA_SET_ALPHABET, k=rng.choice((9, 10))))
