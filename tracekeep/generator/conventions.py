"""OTLP/JSON text: attributes in the OpenTelemetry semantic conventions, old and new names.

Everything that does not change from span to span is rendered once per endpoint or step as a
``%(id)s`` template; the walker fills in a trace's ids. Values put into templates are plain ASCII
without quotes, so they need no escaping.
"""

from __future__ import annotations

from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote

from .topology import NAMESPACE, REGION, Endpoint, External, Pod, Publish, Query, Service

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
OK, ERROR = 1, 2

# gRPC codes that are a failure of the server; on the client every code but 0 is one.
GRPC_SERVER_FAILURES = frozenset({2, 4, 12, 13, 14, 15})
GRPC_NAMES = {
    0: "OK",
    1: "CANCELLED",
    2: "UNKNOWN",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    9: "FAILED_PRECONDITION",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}

SCOPES: dict[str, tuple[str, ...]] = {
    # language: http, grpc, db, messaging, own code
    "java": (
        "io.opentelemetry.spring-webmvc-6.0",
        "io.opentelemetry.grpc-1.6",
        "io.opentelemetry.jdbc",
        "io.opentelemetry.kafka-clients-2.6",
        "com.example.payments",
    ),
    "go": (
        "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
        "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
        "github.com/exaring/otelpgx",
        "github.com/dnwe/otelsarama",
        "example.com/payments",
    ),
    "nodejs": (
        "@opentelemetry/instrumentation-http",
        "@opentelemetry/instrumentation-grpc",
        "@opentelemetry/instrumentation-redis",
        "@opentelemetry/instrumentation-kafkajs",
        "checkout",
    ),
    "python": (
        "opentelemetry.instrumentation.requests",
        "opentelemetry.instrumentation.grpc",
        "opentelemetry.instrumentation.redis",
        "opentelemetry.instrumentation.kafka",
        "payments",
    ),
}
HTTP, GRPC, DATABASE, MESSAGING, OWN = range(5)

_DATABASE_PORTS = {"postgresql": 5432, "redis": 6379}


def text(key: str, value: str) -> str:
    """One string attribute as OTLP/JSON."""
    return f'{{"key":"{key}","value":{{"stringValue":{quote(value)}}}}}'


@lru_cache(maxsize=4096)
def number(key: str, value: int) -> str:
    """One integer attribute as OTLP/JSON (64-bit integers are strings there)."""
    return f'{{"key":"{key}","value":{{"intValue":"{value}"}}}}'


def flag(key: str, value: bool) -> str:
    """One boolean attribute as OTLP/JSON."""
    return f'{{"key":"{key}","value":{{"boolValue":{"true" if value else "false"}}}}}'


def template_of(route: str) -> str:
    """Turn ``/v1/x/{id}`` into ``/v1/x/%(id)s``."""
    return route.replace("{", "%(").replace("}", ")s")


def host_of(service: Service) -> str:
    """The cluster DNS name of a service."""
    return f"{service.name}.{NAMESPACE}.svc.cluster.local"


def resource_of(pod: Pod) -> str:
    """The OTLP resource object of one pod."""
    service = pod.service
    return (
        '{"attributes":['
        + ",".join(
            (
                text("service.name", service.name),
                text("service.namespace", NAMESPACE),
                text("service.version", pod.version),
                text("service.instance.id", pod.uid),
                text("deployment.environment.name", "production"),
                text("cloud.provider", "aws"),
                text("cloud.region", REGION),
                text("k8s.namespace.name", NAMESPACE),
                text("k8s.deployment.name", service.name),
                text("k8s.pod.name", pod.name),
                text("k8s.pod.uid", pod.uid),
                text("k8s.pod.ip", pod.ip),
                text("k8s.node.name", pod.node),
                text("k8s.container.name", service.name),
                text("telemetry.sdk.language", service.language),
                text("telemetry.sdk.name", "opentelemetry"),
            )
        )
        + "]}"
    )


def status_code(protocol: str, code: int, old_names: bool) -> str:
    """The attribute that carries the HTTP or gRPC code of a call."""
    if protocol == "grpc":
        return number("rpc.grpc.status_code", code)
    return number("http.status_code" if old_names else "http.response.status_code", code)


def server_name(endpoint: Endpoint) -> str:
    """Span name template of the receiving side."""
    match endpoint.protocol:
        case "http":
            path = template_of(endpoint.route) if endpoint.raw_name else endpoint.route
            return f"{endpoint.method} {path}"
        case "queue":
            return f"{endpoint.method} {endpoint.route}"
        case _:
            return endpoint.route


def server_attributes(endpoint: Endpoint, service: Service) -> str:
    """Attribute template of the receiving span, without its status code."""
    match endpoint.protocol:
        case "http":
            path = template_of(endpoint.route)
            if service.old_names:
                parts = [
                    text("http.method", endpoint.method),
                    text("http.scheme", "http"),
                    text("http.target", path),
                    text("net.host.name", host_of(service)),
                ]
            else:
                parts = [
                    text("http.request.method", endpoint.method),
                    text("url.scheme", "http"),
                    text("url.path", path),
                    text("server.address", host_of(service)),
                    text("client.address", "%(client_ip)s"),
                ]
            if not endpoint.raw_name:
                parts.append(text("http.route", endpoint.route))
        case "grpc":
            parts = _rpc(endpoint)
        case "queue":
            parts = _messaging(endpoint.route, "process", service.old_names)
        case _:
            parts = [text("code.function.name", endpoint.key)]
    return ",".join(parts)


def client_name(endpoint: Endpoint) -> str:
    """Span name template of the calling side; HTTP clients here put the whole path into it."""
    if endpoint.protocol == "http":
        return f"{endpoint.method} {template_of(endpoint.route)}"
    return endpoint.route


def client_attributes(endpoint: Endpoint, target: Service, caller: Service) -> str:
    """Attribute template of the calling span, without its status code."""
    host = host_of(target)
    if endpoint.protocol == "grpc":
        peer = "net.peer.name" if caller.old_names else "server.address"
        return ",".join([*_rpc(endpoint), text(peer, host)])
    url = f"http://{host}:{target.port}{template_of(endpoint.route)}"
    return _http_client(endpoint.method, url, host, target.port, caller.old_names)


def external_attributes(step: External, caller: Service) -> str:
    """Attribute template of a call to a host outside the platform, without its status code."""
    url = f"https://{step.host}{step.path}"
    return _http_client(step.method, url, step.host, 443, caller.old_names)


def query_attributes(step: Query, caller: Service) -> str:
    """Attributes of a database client span."""
    kind = "cache" if step.system == "redis" else "db"
    host = f"{caller.name}-{kind}.{NAMESPACE}.svc.cluster.local"
    port = _DATABASE_PORTS[step.system]
    if caller.old_names:
        parts = [
            text("db.system", step.system),
            text("db.name", step.namespace),
            text("db.operation", step.operation),
            text("db.statement", _statement(step)),
            text("net.peer.name", host),
            number("net.peer.port", port),
        ]
    else:
        parts = [
            text("db.system", step.system),
            text("db.namespace", step.namespace),
            text("db.operation.name", step.operation),
            text("db.collection.name", step.table),
            text("db.query.text", _statement(step)),
            text("server.address", host),
            number("server.port", port),
        ]
    return ",".join(parts)


def producer_attributes(step: Publish, caller: Service) -> str:
    """Attribute template of a producer span."""
    return ",".join(_messaging(step.topic, "send", caller.old_names))


def exception_event(at: int, kind: str, message: str, stack: str) -> str:
    """An ``exception`` span event at unix ns ``at``."""
    return (
        f'{{"timeUnixNano":"{at}","name":"exception","attributes":['
        f"{text('exception.type', kind)},{text('exception.message', message)},"
        f"{text('exception.stacktrace', stack)}]}}"
    )


def _rpc(endpoint: Endpoint) -> list[str]:
    service, method = endpoint.route.split("/")
    return [text("rpc.system", "grpc"), text("rpc.service", service), text("rpc.method", method)]


def _messaging(topic: str, operation: str, old_names: bool) -> list[str]:
    if old_names:
        return [
            text("messaging.system", "kafka"),
            text("messaging.destination", topic),
            text("messaging.operation", operation),
            text("messaging.message_id", "%(number)s"),
        ]
    return [
        text("messaging.system", "kafka"),
        text("messaging.destination.name", topic),
        text("messaging.operation.type", operation),
        text("messaging.message.id", "%(number)s"),
    ]


def _http_client(method: str, url: str, host: str, port: int, old_names: bool) -> str:
    if old_names:
        parts = [
            text("http.method", method),
            text("http.url", url),
            text("net.peer.name", host),
            number("net.peer.port", port),
        ]
    else:
        parts = [
            text("http.request.method", method),
            text("url.full", url),
            text("server.address", host),
            number("server.port", port),
        ]
    return ",".join(parts)


def _statement(step: Query) -> str:
    if step.system == "redis":
        return f"{step.operation} {step.table}:?"
    return {
        "SELECT": f"SELECT * FROM {step.table} WHERE id = $1",
        "INSERT": f"INSERT INTO {step.table} (id, amount, state) VALUES ($1, $2, $3)",
        "UPDATE": f"UPDATE {step.table} SET state = $1 WHERE id = $2",
    }[step.operation]


def stack_trace(language: str, kind: str, message: str, service: str, depth: int) -> str:
    """A stack trace as ``language`` prints it, ``depth`` frames deep; same arguments, same text."""
    word = "".join(part.title() for part in service.split("-"))
    lines = _frames(language, service, word, depth)
    match language:
        case "java":
            return f"{kind}: {message}\n" + "\n".join(lines)
        case "go":
            return f"{kind}: {message}\n\ngoroutine 418 [running]:\n" + "\n".join(lines)
        case "nodejs":
            return f"{kind}: {message}\n" + "\n".join(lines)
        case _:
            head = "Traceback (most recent call last):\n"
            return head + "\n".join(lines) + f"\n{kind}: {message}"


@lru_cache(maxsize=256)
def _frames(language: str, service: str, word: str, depth: int) -> list[str]:
    verbs = ("handle", "execute", "invoke", "apply", "process", "doFilter", "submit", "call")
    lines: list[str] = []
    for index in range(depth):
        verb, line = verbs[index % len(verbs)], 37 + 53 * index % 911
        match language:
            case "java":
                package = f"com.example.payments.{service.replace('-', '')}"
                lines.append(f"\tat {package}.{word}Service.{verb}({word}Service.java:{line})")
            case "go":
                lines.append(f"example.com/payments/{service}.(*{word}).{verb}(0xc0001{line:03x})")
                lines.append(f"\t/src/{service}/{verb}.go:{line} +0x{line:x}")
            case "nodejs":
                lines.append(f"    at {word}.{verb} (/app/src/{service}/{verb}.js:{line}:17)")
            case _:
                lines.append(f'  File "/app/{service}/{verb}.py", line {line}, in {verb}')
                lines.append(f"    return self.{verb}(request)")
    return lines
