"""The payments platform that is simulated: services, pods, endpoints and what each endpoint calls.

Everything here is data. A new service or call path is a few lines in ``SERVICES`` and
``ENDPOINTS``; ``traces.py`` walks them.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

NAMESPACE = "payments"
REGION = "eu-central-1"

Language = Literal["java", "go", "nodejs", "python"]
LogRoad = Literal["json", "text", "otlp"]

# Digits that are both hexadecimal and in the alphabet Kubernetes uses for generated names.
_REPLICA_SET_ALPHABET = "bcdf2456789"
_POD_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Service:
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


@dataclass(frozen=True, slots=True)
class Fault:
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


@dataclass(frozen=True, slots=True)
class Query:
    """A database client span."""

    system: Literal["postgresql", "redis"]
    namespace: str
    operation: str
    table: str
    median_ms: float
    faults: tuple[Fault, ...] = ()
    chance: float = 1.0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class External:
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


@dataclass(frozen=True, slots=True)
class Call:
    """A call of another service's endpoint; ``optional`` calls may fail without failing the caller.

    ``client_span`` False: the caller's client library is not instrumented.
    """

    endpoint: str
    chance: float = 1.0
    optional: bool = False
    tries: int = 1
    deadline_ms: float | None = None
    client_span: bool = True


@dataclass(frozen=True, slots=True)
class Publish:
    """A producer span; ``consumer`` handles the message in the same trace, None: in a batch."""

    topic: str
    consumer: str | None
    chance: float = 1.0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Internal:
    """An internal span around ``steps``."""

    name: str
    median_ms: float
    steps: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()
    chance: float = 1.0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Parallel:
    """Steps that start together; the slowest one ends the group."""

    steps: tuple[Step, ...]
    chance: float = 1.0
    optional: bool = False


Step = Query | External | Call | Publish | Internal | Parallel


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a service offers, and the steps that serving it takes.

    ``route`` is an HTTP route with ``{id}`` parts, ``package.Service/Method`` for gRPC, or the
    topic of a consumer. ``raw_name``: the instrumentation knows no route, so the span name holds
    the ids and ``http.route`` is missing.
    """

    key: str
    service: str
    protocol: Literal["http", "grpc", "queue", "job"]
    method: str
    route: str
    median_ms: float
    steps: tuple[Step, ...] = ()
    faults: tuple[Fault, ...] = ()
    infos: tuple[str, ...] = ()
    warning: str = "slow answer, pool at 91 percent"
    raw_name: bool = False


SERVICES: tuple[Service, ...] = (
    Service("gateway", "go", "4.12.0", 4, "json"),
    Service("checkout", "nodejs", "2.31.4", 3, "json", sets_status=False),
    Service("payment", "java", "7.4.1", 4, "text"),
    Service("fraud", "python", "1.19.0", 3, "otlp", port=9090),
    Service("ledger", "java", "5.0.3", 3, "text", port=9090),
    Service("bank-connector", "java", "3.8.2", 3, "text", old_names=True, port=9090),
    Service("wallet", "go", "2.2.7", 3, "otlp", sets_status=False, port=9090),
    Service("notification", "python", "1.7.9", 2, "json", old_names=True, sets_status=False),
    Service("auth", "go", "3.3.0", 3, "json", port=9090),
    Service("merchant", "java", "2.0.11", 2, "text", old_names=True, sets_status=False),
)

_DEADLOCK = Fault(
    0.0010,
    "org.postgresql.util.PSQLException",
    "ERROR: deadlock detected: process %(number)s waits for ShareLock on transaction %(amount)s",
    http=500,
    grpc=13,
    took_ms=1000.0,
)
_BANK_FAULTS = (
    Fault(
        0.0035,
        "com.example.payments.bank.BankUnavailableException",
        "bank answered 503 for transfer %(payment_id)s",
        http=503,
        grpc=14,
    ),
    Fault(
        0.0015,
        "java.net.SocketTimeoutException",
        "Read timed out after 1500 ms, transfer %(payment_id)s",
        http=0,
        grpc=14,
        took_ms=1500.0,
    ),
)
_VERIFY = Call("auth.verify", deadline_ms=2000.0)
_TRANSFER = Call("bank.transfer", tries=3, deadline_ms=8000.0)

ENDPOINTS: tuple[Endpoint, ...] = (
    # gateway
    Endpoint(
        "gateway.checkout",
        "gateway",
        "http",
        "POST",
        "/v1/checkout",
        3.0,
        (_VERIFY, Call("checkout.create")),
        infos=("POST /v1/checkout accepted for order %(order)s", "order %(order)s answered"),
    ),
    Endpoint(
        "gateway.payment",
        "gateway",
        "http",
        "GET",
        "/v1/payments/{payment_id}",
        1.6,
        (
            Query("redis", "0", "GET", "payment-misses", 0.5),
            Call("auth.verify", chance=0.4, deadline_ms=2000.0),
            Call("payment.get"),
        ),
        faults=(Fault(0.02, "", "payment %(payment_id)s not found", http=404, grpc=5),),
        infos=("GET /v1/payments/%(payment_id)s answered", "status of %(payment_id)s asked"),
    ),
    Endpoint(
        "gateway.balance",
        "gateway",
        "http",
        "GET",
        "/v1/wallets/{wallet_id}/balance",
        1.6,
        (_VERIFY, Call("wallet.balance", deadline_ms=3000.0)),
        infos=("balance of wallet %(wallet_id)s answered",),
    ),
    Endpoint(
        "gateway.refund",
        "gateway",
        "http",
        "POST",
        "/v1/payments/{payment_id}/refunds",
        2.4,
        (_VERIFY, Call("payment.refund")),
        infos=("refund of %(payment_id)s accepted", "refund for order %(order)s answered"),
    ),
    Endpoint(
        "gateway.token",
        "gateway",
        "http",
        "POST",
        "/v1/tokens",
        1.4,
        (Call("auth.issue", tries=6, deadline_ms=2000.0),),
        infos=("token issued for user %(user_id)s",),
    ),
    Endpoint("gateway.health", "gateway", "http", "GET", "/healthz", 0.4),
    # auth
    Endpoint(
        "auth.verify",
        "auth",
        "grpc",
        "",
        "auth.v1.Auth/Verify",
        1.0,
        (Query("redis", "1", "GET", "sessions", 0.5),),
        faults=(
            Fault(0.0010, "", "token of user %(user_id)s is expired", http=401, grpc=16),
            Fault(0.0001, "*net.OpError", "dial tcp 10.0.3.17:6379: connect refused", 503, 14),
        ),
        infos=("token of user %(user_id)s verified",),
    ),
    Endpoint(
        "auth.issue",
        "auth",
        "grpc",
        "",
        "auth.v1.Auth/Issue",
        2.5,
        (
            Query("postgresql", "auth", "SELECT", "users", 2.0),
            Internal("hash password", 45.0),
            Query("redis", "1", "SET", "sessions", 0.6),
        ),
        faults=(Fault(0.004, "", "wrong secret for user %(user_id)s", http=401, grpc=16),),
        infos=("user %(user_id)s signed in from %(client_ip)s", "session of %(user_id)s stored"),
    ),
    # checkout
    Endpoint(
        "checkout.create",
        "checkout",
        "http",
        "POST",
        "/v1/orders/{order}/checkout",
        6.0,
        (
            Parallel(
                (
                    Call("merchant.get"),
                    Call("wallet.balance", deadline_ms=3000.0, optional=True),
                )
            ),
            Internal("price order", 3.0),
            Call("payment.create"),
            Query("redis", "2", "DEL", "carts", 0.6),
        ),
        infos=(
            "order %(order)s of user %(user_id)s priced at %(amount)s cents",
            "checkout of order %(order)s started for merchant %(merchant_id)s",
            "order %(order)s paid by payment %(payment_id)s",
        ),
    ),
    # payment
    Endpoint(
        "payment.create",
        "payment",
        "http",
        "POST",
        "/v1/payments",
        7.0,
        (
            Query("postgresql", "payment", "INSERT", "payments", 3.0),
            Call("fraud.score", deadline_ms=800.0, optional=True),
            Call("wallet.reserve", deadline_ms=3000.0),
            _TRANSFER,
            Call("ledger.post", deadline_ms=5000.0),
            Query("postgresql", "payment", "UPDATE", "payments", 3.0),
            Publish("payment-events", "notification.payment"),
            Publish("settlements", None, chance=0.3),
        ),
        infos=(
            "Payment %(payment_id)s for order %(order)s created, %(amount)s cents",
            "Payment %(payment_id)s captured by bank %(bank)s",
            "Payment %(payment_id)s moved to SETTLED",
        ),
    ),
    Endpoint(
        "payment.get",
        "payment",
        "http",
        "GET",
        "/v1/payments/{payment_id}",
        2.5,
        (Query("postgresql", "payment", "SELECT", "payments", 2.2),),
        faults=(
            Fault(
                0.0006,
                "java.lang.NullPointerException",
                'Cannot invoke "Payment.state()" because payment %(payment_id)s has no state',
            ),
        ),
        infos=("Payment %(payment_id)s read", "Payment %(payment_id)s is in state SETTLED"),
        raw_name=True,
    ),
    Endpoint(
        "payment.refund",
        "payment",
        "http",
        "POST",
        "/v1/payments/{payment_id}/refunds",
        6.0,
        (
            Query("postgresql", "payment", "SELECT", "payments", 2.2),
            _TRANSFER,
            Call("ledger.post", deadline_ms=5000.0),
            Publish("payment-events", "notification.payment"),
        ),
        infos=("Refund of %(payment_id)s created", "Refund of order %(order)s booked"),
    ),
    # fraud
    Endpoint(
        "fraud.score",
        "fraud",
        "grpc",
        "",
        "fraud.v1.Fraud/Score",
        5.0,
        (
            Query("redis", "3", "HGETALL", "features", 1.0),
            Internal("run model", 22.0),
        ),
        faults=(
            Fault(
                0.0012,
                "asyncio.exceptions.TimeoutError",
                "model gave no score for payment %(payment_id)s within 750 ms",
                http=504,
                grpc=4,
                took_ms=750.0,
            ),
        ),
        infos=("payment %(payment_id)s scored 0.0%(number)s", "features of %(user_id)s loaded"),
        warning="feature store answered from a stale replica",
    ),
    # wallet
    Endpoint(
        "wallet.balance",
        "wallet",
        "grpc",
        "",
        "wallet.v1.Wallet/GetBalance",
        1.5,
        (Query("redis", "4", "GET", "balances", 0.6),),
        faults=(Fault(0.0003, "*pgconn.PgError", "too many connections for role wallet", 500, 13),),
        infos=("balance of wallet %(wallet_id)s read",),
    ),
    Endpoint(
        "wallet.reserve",
        "wallet",
        "grpc",
        "",
        "wallet.v1.Wallet/Reserve",
        2.5,
        (
            Query("postgresql", "wallet", "SELECT", "wallets", 2.0),
            Query("postgresql", "wallet", "UPDATE", "wallets", 3.0),
        ),
        faults=(Fault(0.0015, "", "wallet %(wallet_id)s has not enough funds", http=402, grpc=9),),
        infos=("%(amount)s cents reserved in wallet %(wallet_id)s", "wallet %(wallet_id)s locked"),
    ),
    # bank-connector
    Endpoint(
        "bank.transfer",
        "bank-connector",
        "grpc",
        "",
        "bank.v1.BankConnector/Transfer",
        4.0,
        (
            External(
                "api.%(bank)s.example",
                "POST",
                "/v2/transfers/%(payment_id)s",
                190.0,
                12_000.0,
                _BANK_FAULTS,
                accepted=409,
            ),
        ),
        infos=(
            "Transfer %(payment_id)s sent to %(bank)s",
            "Bank %(bank)s took transfer %(number)s",
        ),
        warning="Bank answered with a deprecated schema",
    ),
    # ledger
    Endpoint(
        "ledger.post",
        "ledger",
        "grpc",
        "",
        "ledger.v1.Ledger/PostEntries",
        3.5,
        (
            Query("postgresql", "ledger", "INSERT", "entries", 3.5, (_DEADLOCK,)),
            Query("postgresql", "ledger", "INSERT", "balances", 2.5),
        ),
        infos=("Entries of %(payment_id)s posted", "Journal %(number)s closed"),
    ),
    Endpoint(
        "ledger.list",
        "ledger",
        "grpc",
        "",
        "ledger.v1.Ledger/ListEntries",
        3.0,
        (Query("postgresql", "ledger", "SELECT", "entries", 9.0),),
        infos=("Entries of merchant %(merchant_id)s listed",),
    ),
    Endpoint(
        "ledger.settle",
        "ledger",
        "queue",
        "process",
        "settlements",
        6.0,
        (
            Query("postgresql", "ledger", "INSERT", "settlements", 6.0, (_DEADLOCK,)),
            Internal("close batch", 4.0),
        ),
        infos=("Settlement batch %(number)s booked", "Settlement batch %(number)s read"),
    ),
    Endpoint(
        "ledger.reconcile",
        "ledger",
        "job",
        "",
        "reconcile accounts",
        20.0,
        (
            Query("postgresql", "ledger", "SELECT", "balances", 450.0),
            Call("wallet.balance", deadline_ms=3000.0, optional=True),
            Query("postgresql", "ledger", "UPDATE", "balances", 12.0, chance=0.3),
        ),
        infos=("Account %(wallet_id)s reconciled, difference 0", "Reconciliation %(number)s ended"),
    ),
    # merchant
    Endpoint(
        "merchant.get",
        "merchant",
        "http",
        "GET",
        "/v1/merchants/{merchant_id}",
        2.0,
        (Query("postgresql", "merchant", "SELECT", "merchants", 1.8),),
        faults=(Fault(0.0006, "", "merchant %(merchant_id)s not found", http=404, grpc=5),),
        infos=("Merchant %(merchant_id)s read",),
        raw_name=True,
    ),
    Endpoint(
        "merchant.settlements",
        "merchant",
        "http",
        "GET",
        "/v1/merchants/{merchant_id}/settlements",
        3.0,
        (
            Query("postgresql", "merchant", "SELECT", "merchants", 1.8),
            Call("ledger.list", client_span=False),
        ),
        faults=(
            Fault(0.03, "", "merchant %(merchant_id)s not found", http=404, grpc=5),
            Fault(
                0.0010,
                "org.springframework.dao.DataAccessResourceFailureException",
                "Connection is not available, request timed out after 3000 ms (total=10)",
                took_ms=3000.0,
            ),
        ),
        infos=("Settlements of merchant %(merchant_id)s asked", "Report %(number)s rendered"),
    ),
    # notification
    Endpoint(
        "notification.payment",
        "notification",
        "queue",
        "process",
        "payment-events",
        3.0,
        (
            Internal(
                "render template",
                5.0,
                faults=(
                    Fault(
                        0.0008,
                        "RecursionError",
                        "maximum recursion depth exceeded in template %(number)s",
                    ),
                ),
            ),
            External(
                "push.mailgrid.example",
                "POST",
                "/v3/messages/%(payment_id)s",
                60.0,
                5000.0,
                (
                    Fault(
                        0.0015,
                        "requests.exceptions.HTTPError",
                        "502 Server Error: Bad Gateway for order %(order)s",
                        http=502,
                        grpc=14,
                    ),
                ),
            ),
        ),
        infos=("receipt of order %(order)s sent", "event for payment %(payment_id)s received"),
        warning="provider quota at 92 percent",
    ),
)

# The requests that arrive from outside (and the jobs), with their share of the traces.
ENTRIES: tuple[tuple[str, float], ...] = (
    ("gateway.checkout", 0.27),
    ("gateway.payment", 0.34),
    ("gateway.balance", 0.16),
    ("gateway.refund", 0.03),
    ("gateway.token", 0.07),
    ("merchant.settlements", 0.08),
    ("ledger.settle", 0.02),
    ("ledger.reconcile", 0.01),
    ("gateway.health", 0.02),
)
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
        endpoints={endpoint.key: endpoint for endpoint in ENDPOINTS},
        services=services,
        pods=tuple(pods),
        shifts=shifts,
    )


def _replica_set(rng: random.Random) -> str:
    return "".join(rng.choices(_REPLICA_SET_ALPHABET, k=rng.choice((9, 10))))
