"""One trace: walk an endpoint's steps with random latencies, faults and incidents.

``Walker.walk`` returns a ``Trace`` of spans and log entries as plain objects; ``writers.py``
renders them. Times are unix ns, latencies ms.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import exp

from . import conventions as c
from .incidents import Disturbance, Incident, Place, Point
from .topology import (
    BANKS,
    Call,
    Endpoint,
    External,
    Fault,
    Internal,
    Parallel,
    Pod,
    Publish,
    Query,
    Service,
    Step,
    World,
)

INFO, WARN, LOG_ERROR = 9, 13, 17
SLOW_MS = 1000
_MS = 1_000_000
_TAIL_CHANCE = 0.004
_WARN_CHANCE = 0.006
_QUIET_ERROR_CHANCE = 0.0001
_HUGE_CHANCE = 0.0003
_ACCEPTED_CHANCE = 0.004


# How a handler fails that has no usual way to: by language.
_GENERAL_FAULTS = {
    "java": Fault(1.0, "java.lang.IllegalStateException", "order %(order)s is in no known state"),
    "go": Fault(1.0, "*errors.errorString", "order %(order)s is in no known state"),
    "nodejs": Fault(1.0, "RangeError", "order %(order)s is in no known state"),
    "python": Fault(1.0, "KeyError", "'state' of order %(order)s"),
}
_DUE_CHANCE = 0.25


class Failure:
    """Why a step failed, as its caller sees it. An empty ``type`` is a refusal, no exception."""

    __slots__ = ("grpc", "http", "message", "relayed", "type")

    def __init__(self, kind: str, message: str, http: int, grpc: int) -> None:
        self.type = kind
        self.message = message
        self.http = http
        self.grpc = grpc
        self.relayed = False  # by a called service, not from the span's own work


class Span:
    """One span. ``http`` and ``grpc`` are the codes its attributes state, -1 if none."""

    __slots__ = (
        "attributes",
        "end",
        "error_mark",
        "error_message",
        "error_type",
        "events",
        "grpc",
        "http",
        "kind",
        "links",
        "name",
        "parent_id",
        "pod",
        "scope",
        "span_id",
        "start",
        "status",
        "status_message",
    )

    def __init__(
        self, pod: Pod, scope: int, kind: int, name: str, span_id: str, parent_id: str, start: int
    ) -> None:
        self.pod = pod
        self.scope = scope
        self.kind = kind
        self.name = name
        self.span_id = span_id
        self.parent_id = parent_id
        self.start = start
        self.end = start
        self.attributes = ""
        self.events = ""
        self.links = ""
        self.status = 0
        self.status_message = ""
        self.http = -1
        self.grpc = -1
        self.error_mark = False
        self.error_type = ""
        self.error_message = ""

    @property
    def is_error(self) -> bool:
        """The contract's *error span*: status Error, or unset with a failing code or mark."""
        if self.status:
            return self.status == c.ERROR
        if self.error_mark or self.http >= 500 or (self.kind == c.CLIENT and self.http >= 400):
            return True
        if self.kind == c.CLIENT:
            return self.grpc > 0
        return self.grpc in c.GRPC_SERVER_FAILURES


class LogEntry:
    """One log record of one span. ``dump`` is an extra long field of a JSON line."""

    __slots__ = ("at", "dump", "kind", "message", "pod", "severity", "span_id", "stack")

    def __init__(self, at: int, pod: Pod, span_id: str, severity: int, message: str) -> None:
        self.at = at
        self.pod = pod
        self.span_id = span_id
        self.severity = severity
        self.message = message
        self.kind = ""
        self.stack = ""
        self.dump = ""


class Trace:
    """A finished trace; ``incidents`` are the ids of those that touched it."""

    __slots__ = ("candidates", "ids", "incidents", "logs", "producers", "spans", "trace_id")

    def __init__(self, trace_id: str, ids: dict[str, str]) -> None:
        self.trace_id = trace_id
        self.ids = ids
        self.spans: list[Span] = []
        self.logs: list[LogEntry] = []
        self.candidates: list[tuple[Span, int, str]] = []
        self.producers: list[Span] = []
        self.incidents: list[str] = []

    @property
    def root(self) -> Span:
        """The first span, the only one without a parent."""
        return self.spans[0]

    @property
    def is_error(self) -> bool:
        """True if a span or a log record of it is an error event."""
        return any(log.severity >= LOG_ERROR for log in self.logs) or any(
            span.is_error for span in self.spans
        )

    @property
    def is_slow(self) -> bool:
        """True if its root took longer than a second."""
        return self.root.end - self.root.start > SLOW_MS * _MS

    @property
    def is_fatal(self) -> bool:
        """True if its root failed or carries an error log."""
        root = self.root
        return root.is_error or any(
            log.severity >= LOG_ERROR and log.span_id == root.span_id for log in self.logs
        )


class _Prepared:
    """The rendered templates of a world: names and attributes per endpoint and per step."""

    def __init__(self, world: World) -> None:
        self.server: dict[str, tuple[str, str, int, int]] = {}
        self.client: dict[tuple[str, str], tuple[str, str]] = {}
        # by the step's identity: hashing a step walks through all that is in it
        self.step: dict[tuple[str, int], str] = {}
        kinds = {"http": c.SERVER, "grpc": c.SERVER, "queue": c.CONSUMER, "job": c.INTERNAL}
        scopes = {"http": c.HTTP, "grpc": c.GRPC, "queue": c.MESSAGING, "job": c.OWN}
        for endpoint in world.endpoints.values():
            service = world.services[endpoint.service]
            self.server[endpoint.key] = (
                c.server_name(endpoint),
                c.server_attributes(endpoint, service),
                kinds[endpoint.protocol],
                scopes[endpoint.protocol],
            )
            self._prepare(endpoint.steps, service, world)

    def _prepare(self, steps: Sequence[Step], caller: Service, world: World) -> None:
        for step in steps:
            match step:
                case Query():
                    self.step[caller.name, id(step)] = c.query_attributes(step, caller)
                case External():
                    self.step[caller.name, id(step)] = c.external_attributes(step, caller)
                case Publish():
                    self.step[caller.name, id(step)] = c.producer_attributes(step, caller)
                case Call():
                    target = world.endpoints[step.endpoint]
                    self.client[caller.name, step.endpoint] = (
                        c.client_name(target),
                        c.client_attributes(target, world.services[target.service], caller),
                    )
                case Internal() | Parallel():
                    self._prepare(step.steps, caller, world)


_TIMEOUTS = {
    "java": "java.net.SocketTimeoutException",
    "go": "context.deadlineExceededError",
    "nodejs": "TimeoutError",
    "python": "requests.exceptions.ReadTimeout",
}
_UPSTREAM_EXCEPTIONS = {
    ("java", "grpc"): "io.grpc.StatusRuntimeException",
    ("java", "http"): "org.springframework.web.client.HttpServerErrorException",
    ("go", "grpc"): "*status.Error",
    ("go", "http"): "*url.Error",
    ("nodejs", "grpc"): "ServiceError",
    ("nodejs", "http"): "UpstreamError",
    ("python", "grpc"): "grpc.RpcError",
    ("python", "http"): "requests.exceptions.HTTPError",
}


class Walker:
    """Builds traces from one random generator; not thread-safe.

    ``fault_scale`` multiplies the chances of all faults and of what incidents do.
    """

    def __init__(self, world: World, rng: random.Random, fault_scale: float = 1.0) -> None:
        self.world = world
        self.rng = rng
        self.prepared = _Prepared(world)
        self.trace = Trace("", {})
        self.active: list[Incident] = []
        self.fault_scale = fault_scale
        self.huge_due = False
        self.failure_due = False  # some handler of the trace has to fail

    def walk(
        self,
        entry: str,
        start: int,
        incidents: Sequence[Incident] = (),
        links: Sequence[tuple[str, Span]] = (),
        must_fail: bool = False,
    ) -> Trace:
        """Build the trace of a request to ``entry`` that starts at ``start`` (unix ns).

        ``links`` are (trace id, producer span) pairs of a batch consumer. Log records of level INFO
        are only proposed, as ``Trace.candidates``; the caller takes as many as it needs.
        ``must_fail``: some handler fails in one of its usual ways, unless another step did before.
        """
        rng = self.rng
        self.trace = trace = Trace(f"{rng.getrandbits(128) or 1:032x}", self._ids())
        self.active = [i for i in incidents if i.start <= start < i.end]
        self.failure_due = must_fail
        endpoint = self.world.endpoints[entry]
        self._serve(endpoint, "", start, links)
        if rng.random() < _QUIET_ERROR_CHANCE * self.fault_scale:
            span = trace.root
            self._log(span, span.end, LOG_ERROR, "could not write audit record of %(order)s")
        return trace

    # What follows returns the end of the step (unix ns) and why it failed, or None.

    def _serve(
        self,
        endpoint: Endpoint,
        parent_id: str,
        start: int,
        links: Sequence[tuple[str, Span]] = (),
    ) -> tuple[Span, Failure | None]:
        rng, ids = self.rng, self.trace.ids
        service = self.world.services[endpoint.service]
        pods = self.world.pods_at(endpoint.service, start)
        pod = pods[int(rng.random() * len(pods))]
        name, attributes, kind, scope = self.prepared.server[endpoint.key]
        span = self._open(pod, scope, kind, name % ids, parent_id, start)
        span.attributes = attributes % ids
        if links:
            span.links = ",".join(
                f'{{"traceId":"{trace_id}","spanId":"{producer.span_id}","flags":257}}'
                for trace_id, producer in links
            )
        own = self._ms(endpoint.median_ms)
        now, failure, fault = start + int(own * 0.4), None, None
        if self.active:
            disturbed = self._disturbed("request", pod, endpoint.key)
            fault = disturbed and disturbed.fault
        if fault is None:
            now, failure = self._steps(endpoint.steps, span, now)
        if failure is None:
            fault = fault or self._handler_fault(endpoint, service, pod, not parent_id)
            if fault:
                failure = self._failure(fault)
                if fault.took_ms:
                    now = max(now, start + int(fault.took_ms * _MS))
                self._log_failure(span, now, failure)
        elif (
            failure.relayed
            and failure.http >= 500
            and service.log_road != "otlp"
            and rng.random() < 0.5
        ):  # the handlers above the origin log what they got
            self._log(span, now, LOG_ERROR, f"{name % ids} failed: {failure.message}")
        span.end = now + int(own * 0.6) + 1000
        self._answer(span, endpoint.protocol, service, failure)
        infos = endpoint.infos
        if self.active and self._disturbed("log", pod, endpoint.key):
            infos = infos[:1]
        places = len(infos)
        for place, info in enumerate(infos):
            # in order: a first message stands in the first part of the span
            share = (place + 0.1 + 0.8 * rng.random()) / places
            at = span.start + int((span.end - span.start) * share)
            self.trace.candidates.append((span, at, info))
        if rng.random() < _WARN_CHANCE:
            self._log(span, span.end, WARN, endpoint.warning)
        if service.log_road == "json" and (self.huge_due or rng.random() < _HUGE_CHANCE):
            self.huge_due = False
            entry = self._log(span, span.end, WARN, "request took an unusual path, dump follows")
            entry.dump = _dump(rng)
        return span, failure

    def _answer(self, span: Span, protocol: str, service: Service, failure: Failure | None) -> None:
        """Set code and status of a receiving span."""
        if protocol == "http":
            span.http = failure.http if failure else 200
            span.attributes += "," + c.status_code("http", span.http, service.old_names)
        elif protocol == "grpc":
            span.grpc = failure.grpc if failure else 0
            span.attributes += "," + c.status_code("grpc", span.grpc, service.old_names)
        if failure is None:
            return
        if protocol == "http":
            failed = failure.http >= 500
        elif protocol == "grpc":
            failed = failure.grpc in c.GRPC_SERVER_FAILURES
        else:
            failed = True
        if failed:
            # Without a code that speaks for itself the status has to.
            set_status = service.sets_status or protocol in ("queue", "job")
            self._mark(span, service, failure, set_status)

    def _steps(self, steps: Sequence[Step], span: Span, now: int) -> tuple[int, Failure | None]:
        rng = self.rng
        for step in steps:
            if step.chance < 1.0 and rng.random() >= step.chance:
                continue
            now, failure = self._step(step, span, now)
            if failure:
                if not step.optional:
                    return now, failure
                self._log(span, now, WARN, f"going on without answer: {failure.message}")
        return now, None

    def _step(self, step: Step, span: Span, now: int) -> tuple[int, Failure | None]:
        match step:
            case Query():
                return self._query(step, span, now)
            case Call():
                return self._call(step, span, now)
            case External():
                return self._external(step, span, now)
            case Publish():
                return self._publish(step, span, now)
            case Internal():
                return self._internal(step, span, now)
            case Parallel():
                end, failure = now, None
                for part in step.steps:
                    part_end, part_failure = self._steps((part,), span, now)
                    end, failure = max(end, part_end), failure or part_failure
                return end, failure

    def _query(self, step: Query, caller: Span, now: int) -> tuple[int, Failure | None]:
        service = caller.pod.service
        name = f"{step.operation} {step.table}"
        span = self._open(caller.pod, c.DATABASE, c.CLIENT, name, caller.span_id, now)
        span.attributes = self.prepared.step[service.name, id(step)]
        fault = self._fault(step.faults)
        took = self._ms(step.median_ms)
        if self.active:
            disturbed = self._disturbed("query", caller.pod, step.system)
            if disturbed:
                fault = disturbed.fault
                took += int((disturbed.latency_ms or 0.0) * _MS)
        if fault is None:
            span.end = now + took
            return span.end, None
        failure = self._failure(fault)
        span.end = now + int((fault.took_ms or step.median_ms) * _MS * (1 + self.rng.random() / 9))
        self._mark(span, service, failure, True)
        self._log_failure(caller, span.end, failure)
        return span.end, failure

    def _external(self, step: External, caller: Span, now: int) -> tuple[int, Failure | None]:
        rng, ids, service = self.rng, self.trace.ids, caller.pod.service
        span = self._open(caller.pod, c.HTTP, c.CLIENT, step.method, caller.span_id, now)
        span.attributes = self.prepared.step[service.name, id(step)] % ids
        fault = self._fault(step.faults)
        took = self._ms(step.median_ms, 0.68, 0.03)  # the world outside is the slowest part
        if fault and fault.took_ms:
            took = int(fault.took_ms * _MS * (1 + rng.random() / 99))
        if self.active:
            disturbed = self._disturbed("external", caller.pod, step.host % ids)
            if disturbed:
                fault = disturbed.fault
                if disturbed.latency_ms is not None:
                    took = int(disturbed.latency_ms * _MS)
                elif fault and fault.took_ms:
                    took = int(fault.took_ms * _MS * (1 + rng.random() / 9))
        limit = int(step.timeout_ms * _MS)
        if took > limit:
            took = limit
            fault = Fault(1.0, _TIMEOUTS[service.language], "Read timed out", 0, 14)
        span.end = now + took
        if fault is None:
            span.http = 200
            if step.accepted and rng.random() < _ACCEPTED_CHANCE:
                # The caller knows this code and calls it a success: status Ok is not an error.
                span.http, span.status = step.accepted, c.OK
            span.attributes += "," + c.status_code("http", span.http, service.old_names)
            return span.end, None
        failure = self._failure(fault)
        if fault.http:
            span.http = fault.http
            span.attributes += "," + c.status_code("http", fault.http, service.old_names)
        else:
            failure.http = 504 if fault.grpc in (4, 14) else 502
        # Without an HTTP code only the status tells the failure.
        self._mark(span, service, failure, service.sets_status or not fault.http)
        self._log_failure(caller, span.end, failure)
        return span.end, failure

    def _internal(self, step: Internal, caller: Span, now: int) -> tuple[int, Failure | None]:
        service = caller.pod.service
        span = self._open(caller.pod, c.OWN, c.INTERNAL, step.name, caller.span_id, now)
        now, failure = self._steps(step.steps, span, now + self._ms(step.median_ms))
        span.end = now
        fault = self._fault(step.faults)
        if fault:
            failure = self._failure(fault)
            self._log_failure(span, now, failure)
        if failure:
            self._mark(span, service, failure, service.sets_status)
            if not service.sets_status:
                span.error_mark = True
                span.attributes = c.flag("error", True)
        return now, failure

    def _publish(self, step: Publish, caller: Span, now: int) -> tuple[int, Failure | None]:
        ids = self.trace.ids
        name = f"send {step.topic}"
        span = self._open(caller.pod, c.MESSAGING, c.PRODUCER, name, caller.span_id, now)
        span.attributes = self.prepared.step[caller.pod.service.name, id(step)] % ids
        span.end = now + self._ms(1.2)
        if step.consumer is None:
            self.trace.producers.append(span)
        else:
            # The consumer works on its own time; its failure is not the publisher's.
            delivered = span.end + self._ms(18.0)
            link = (self.trace.trace_id, span)
            self._serve(self.world.endpoints[step.consumer], span.span_id, delivered, (link,))
        return span.end, None

    def _call(self, step: Call, caller: Span, now: int) -> tuple[int, Failure | None]:
        endpoint = self.world.endpoints[step.endpoint]
        failure: Failure | None = None
        for attempt in range(1, step.tries + 1):
            if attempt > 1 and failure:
                now += self._ms(60.0 * attempt)
                self._log(
                    caller,
                    now,
                    WARN,
                    f"attempt {attempt} of {step.tries} for order %(order)s after:"
                    f" {failure.message}",
                )
            now, failure = self._attempt(step, endpoint, caller, now, attempt)
            if failure is None or failure.grpc not in (4, 14):
                break
        return now, failure

    def _attempt(
        self, step: Call, endpoint: Endpoint, caller: Span, now: int, attempt: int
    ) -> tuple[int, Failure | None]:
        ids, service = self.trace.ids, caller.pod.service
        network = 150_000 + int(self.rng.random() * 500_000)
        if self.active and (slow := self._disturbed("network", caller.pod, endpoint.key)):
            network += int((slow.latency_ms or 0.0) * _MS / 2)
        if not step.client_span:
            served, failure = self._serve(endpoint, caller.span_id, now + network)
            return served.end + network, failure and self._upstream(failure, endpoint, service)
        name, attributes = self.prepared.client[service.name, step.endpoint]
        protocol = endpoint.protocol
        scope = c.GRPC if protocol == "grpc" else c.HTTP
        span = self._open(caller.pod, scope, c.CLIENT, name % ids, caller.span_id, now)
        span.attributes = attributes % ids
        if attempt > 1:
            span.attributes += "," + c.number("retry.count", attempt - 1)
        served, failure = self._serve(endpoint, span.span_id, now + network)
        span.end = served.end + network
        deadline_ms = step.deadline_ms or 0.0
        if self.active:
            deadline_ms = self._disturbed_deadline(caller, endpoint, deadline_ms, span.end - now)
        deadline = int(deadline_ms * _MS)
        if deadline and span.end - now > deadline:
            # The caller gives up; the called side goes on working and ends after its parent.
            span.end = now + deadline + int(self.rng.random() * 3 * _MS)
            message = f"deadline of {deadline_ms:.0f} ms exceeded calling {endpoint.route}"
            failure = Failure("", message, 504, 4)
        if protocol == "grpc":
            span.grpc = failure.grpc if failure else 0
            span.attributes += "," + c.status_code("grpc", span.grpc, service.old_names)
        else:
            span.http = failure.http if failure else 200
            span.attributes += "," + c.status_code("http", span.http, service.old_names)
        if failure is None:
            return span.end, None
        upstream = self._upstream(failure, endpoint, service)
        self._mark(span, service, upstream, service.sets_status)
        return span.end, upstream

    def _upstream(self, failure: Failure, endpoint: Endpoint, service: Service) -> Failure:
        """What a caller of ``endpoint`` gets to see of a failure inside it."""
        protocol = endpoint.protocol
        if protocol == "grpc":
            message = f"{c.GRPC_NAMES[failure.grpc]}: {failure.message.split(': ', 1)[-1]}"
        else:
            message = f"{endpoint.service} answered {failure.http}"
        http = failure.http
        if http >= 500 and http != 504:
            http = 502
        grpc = failure.grpc if failure.grpc != 14 or protocol == "grpc" else 13
        seen = Failure(_UPSTREAM_EXCEPTIONS[service.language, protocol], message, http, grpc)
        seen.relayed = True
        return seen

    # Small helpers.

    def _ids(self) -> dict[str, str]:
        bits = self.rng.getrandbits
        amount = 100 + bits(17)
        return {
            "payment_id": f"{bits(32):08x}",
            "order": f"ORD-{bits(23):07d}",
            "merchant_id": f"m_{10000 + bits(11)}",
            "wallet_id": f"w{bits(40):010x}",
            "user_id": f"u{bits(30)}",
            "number": str(10_000 + bits(24)),
            "amount": str(amount),
            "client_ip": f"84.{bits(6)}.{bits(8)}.{bits(8)}",
            "bank": BANKS[bits(2)],
        }

    def _ms(self, median_ms: float, sigma: float = 0.42, tail: float = _TAIL_CHANCE) -> int:
        """A log-normal latency around ``median_ms`` with a rare Pareto tail; in ns."""
        rng = self.rng
        factor = exp(sigma * rng.gauss(0.0, 1.0))
        if rng.random() < tail:
            factor *= min(rng.paretovariate(0.9), 400.0)
        return int(median_ms * factor * _MS) + 1

    def _fault(self, faults: tuple[Fault, ...]) -> Fault | None:
        for fault in faults:
            if self.rng.random() < fault.chance * self.fault_scale:
                return fault
        return None

    def _handler_fault(
        self, endpoint: Endpoint, service: Service, pod: Pod, is_root: bool
    ) -> Fault | None:
        """How the handler fails at the end of its work: by itself, by an incident, as is due."""
        fault = self._fault(endpoint.faults)
        if self.active:
            disturbed = self._disturbed("handler", pod, endpoint.key)
            fault = (disturbed and disturbed.fault) or fault
        if self.failure_due and (is_root or self.rng.random() < _DUE_CHANCE):
            self.failure_due = False
            usual = [usual for usual in endpoint.faults if usual.type]
            fault = self.rng.choice(usual) if usual else _GENERAL_FAULTS[service.language]
        return fault

    def _disturbed(self, place: Place, pod: Pod, target: str) -> Disturbance | None:
        """What the incident at work does here; the trace counts as touched by it."""
        point = Point(place, pod.service.name, target, pod.version)
        for incident in self.active:
            disturbed = incident.disturb(point, self.rng)
            if disturbed and self._happens():
                self._touched(incident)
                return disturbed
        return None

    def _disturbed_deadline(
        self, caller: Span, endpoint: Endpoint, deadline_ms: float, took: int
    ) -> float:
        """The deadline (ms) of a call that took ``took`` ns; an incident touches it if missed."""
        pod = caller.pod
        point = Point("call", pod.service.name, endpoint.key, pod.version)
        for incident in self.active:
            disturbed = incident.disturb(point, self.rng)
            if disturbed is None or disturbed.deadline_ms is None:
                continue
            if took > disturbed.deadline_ms * _MS and self._happens():
                self._touched(incident)
                return disturbed.deadline_ms
        return deadline_ms

    def _happens(self) -> bool:
        return self.fault_scale >= 1.0 or self.rng.random() < self.fault_scale

    def _touched(self, incident: Incident) -> None:
        if incident.id not in self.trace.incidents:
            self.trace.incidents.append(incident.id)

    def _failure(self, fault: Fault) -> Failure:
        return Failure(fault.type, fault.message % self.trace.ids, fault.http, fault.grpc)

    def _open(self, pod: Pod, scope: int, kind: int, name: str, parent_id: str, start: int) -> Span:
        span_id = f"{self.rng.getrandbits(64) or 1:016x}"
        span = Span(pod, scope, kind, name, span_id, parent_id, start)
        self.trace.spans.append(span)
        return span

    def _mark(self, span: Span, service: Service, failure: Failure, set_status: bool) -> None:
        """Write a failure into a span: status, exception event and what the truth says of it."""
        if set_status:
            span.status = c.ERROR
            span.status_message = failure.message
        if failure.type:
            stack = c.stack_trace(service.language, failure.type, failure.message, service.name, 9)
            span.events = c.exception_event(
                max(span.start, span.end - 1000), failure.type, failure.message, stack
            )
        if not service.old_names:
            code = span.http if span.http > 0 else span.grpc
            span.attributes += "," + c.text("error.type", failure.type or str(code))
        span.error_type = failure.type
        span.error_message = failure.message

    def _log(self, span: Span, at: int, severity: int, message: str) -> LogEntry:
        if "%(" in message:
            message %= self.trace.ids
        entry = LogEntry(at, span.pod, span.span_id, severity, message)
        self.trace.logs.append(entry)
        return entry

    def _log_failure(self, span: Span, at: int, failure: Failure) -> None:
        """The origin's own record: ERROR with the exception, WARN for a refusal."""
        if not failure.type:
            self._log(span, at, WARN, failure.message)
            return
        service = span.pod.service
        entry = self._log(span, at, LOG_ERROR, failure.message)
        entry.kind = failure.type
        depth = 300 if failure.type == "RecursionError" else 9
        entry.stack = c.stack_trace(
            service.language, failure.type, failure.message, service.name, depth
        )


def _dump(rng: random.Random) -> str:
    """A request dump of 20 to 50 KiB."""
    lines = rng.randrange(280, 700)
    return "\n".join(
        f"item {n}: sku={rng.getrandbits(40):010x} state=priced, {'tax' * 12}" for n in range(lines)
    )
