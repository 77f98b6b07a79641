"""`python -m tracekeep serve`: Jaeger's query API over the lake, read-only, for UI and Grafana."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tracekeep.incident.arguments import count_to
from tracekeep.lake import lake_path

if TYPE_CHECKING:
    from pyarrow.compute import Expression
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from tracekeep.incident.delta_lake import DeltaLake

OK, FAILED, WRONG = 0, 1, 2
TOKEN = "TRACEKEEP_TOKEN"  # noqa: S105 - the name of a variable
MOST_TRACES = 200
_LENGTHS = {"us": 1, "µs": 1, "ms": 1_000, "s": 10**6, "m": 60 * 10**6, "h": 3_600 * 10**6}
"""Units of a duration, in µs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Answer Jaeger's query API (/api/services, /api/operations, /api/traces, "
        "/api/dependencies) from Silver and Gold, as they are at each request. Texts are masked. "
        f"If {TOKEN} is set, each request needs it as `Authorization: Bearer TOKEN`; beyond the "
        "loopback interface it has to be."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=count_to(65_535), default=16_686, help="port (16686)")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    import uvicorn

    from tracekeep.incident.delta_lake import DeltaLake

    token = os.environ.get(TOKEN)
    if not token and not _is_loopback(arguments.host):
        message = f"{arguments.host} is beyond the loopback interface: set {TOKEN} to a secret"
        print(f"serve: {message}", file=sys.stderr)
        return WRONG
    lake = DeltaLake(lake_path())
    if not lake["gold.endpoint_minutes"].exists:
        print(
            f"serve: the lake {lake.folder} has no Gold: fill it with `make run`", file=sys.stderr
        )
        return FAILED
    print(f"serve: Jaeger's API at http://{arguments.host}:{arguments.port}/api/", flush=True)
    uvicorn.run(
        application(lake, token),
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        server_header=False,
    )
    return OK


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class WrongRequestError(ValueError):
    """Parameters that make no question; the message says why."""


def application(lake: DeltaLake, token: str | None = None) -> Starlette:
    """The service. Without a token it answers only those who name this machine as the host, so that
    a page of another site cannot ask it through a browser."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import Response
    from starlette.routing import Route

    from tracekeep.incident.delta_lake import UnreadableError

    lock = threading.Lock()

    def respond(data: Any, status: int = 200, error: str | None = None) -> Response:
        from tracekeep.incident.export.jaeger import jaeger_answer

        answer = jaeger_answer(data)
        if error is not None:
            answer |= {"data": None, "errors": [{"code": status, "msg": error}]}
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        text = json.dumps(answer, allow_nan=False)
        return Response(text, status, headers, media_type="application/json")

    def route(path: str, answer: Callable[[DeltaLake, Mapping[str, str]], list[Any]]) -> Route:
        def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if token and not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return respond([], 401, "the request has no valid token")
            with lock:
                lake.refresh()
            try:
                data = answer(lake, {**request.query_params, **request.path_params})
            except WrongRequestError as error:
                return respond([], 400, str(error))
            except UnreadableError as error:
                return respond([], 503, str(error))
            if "trace_id" in request.path_params and not data:
                return respond([], 404, "trace not found")
            return respond(data)

        return Route(path, endpoint, methods=["GET"])

    hosts = ["localhost", "127.0.0.1"]
    return Starlette(
        routes=[
            route("/api/services", services),
            route("/api/services/{service}/operations", operation_names),
            route("/api/operations", operations),
            route("/api/traces", traces),
            route("/api/traces/{trace_id}", trace),
            route("/api/dependencies", dependencies),
        ],
        middleware=[] if token else [Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
    )


def services(lake: DeltaLake, asked: Mapping[str, str]) -> list[str]:
    """Names of all services."""
    return sorted({service for service, _ in _names(lake)})


def operations(lake: DeltaLake, asked: Mapping[str, str]) -> list[dict[str, str]]:
    """Operations of the service `service`; Tracekeep counts those of all kinds together."""
    return [{"name": name, "spanKind": ""} for name in operation_names(lake, asked)]


def operation_names(lake: DeltaLake, asked: Mapping[str, str]) -> list[str]:
    """Names of the operations of the service `service`, without ids in them."""
    return sorted({name for service, name in _names(lake) if service == _needed(asked, "service")})


def _names(lake: DeltaLake) -> set[tuple[str, str]]:
    """Services and operations in Gold."""
    found: set[tuple[str, str]] = set()
    for table in ("gold.operation_minutes", "gold.endpoint_hours"):
        if lake[table].exists:
            rows = lake[table].arrow(("service", "endpoint")).group_by(["service", "endpoint"])
            found |= {(row["service"], row["endpoint"]) for row in rows.aggregate([]).to_pylist()}
    return found


def trace(lake: DeltaLake, asked: Mapping[str, str]) -> list[Any]:
    """The trace `trace_id`, 32 hex digits, or fewer, which are padded."""
    text = asked["trace_id"].lower()
    if not 0 < len(text) <= 32 or text.strip("0123456789abcdef"):
        raise WrongRequestError("a trace id has up to 32 hex digits")
    return _traces(lake, [text.zfill(32)])


def traces(lake: DeltaLake, asked: Mapping[str, str]) -> list[Any]:
    """The newest `limit` traces (20) with a span of `service` that starts from `start` to `end`
    (µs since 1970; the last hour) and has the other parameters of Jaeger: `operation`,
    `minDuration`, `maxDuration` (such as 1.2s), `tags` (JSON). Or those of `traceID`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "traceID" in asked:
        return trace(lake, {"trace_id": asked["traceID"]})
    end = _time(asked, "end", 1) or datetime.now(UTC)
    start = _time(asked, "start", 1) or end - timedelta(hours=1)
    days = pa.array([start.date(), end.date()])
    field = pc.field
    where = (field("partition_date") >= days[0]) & (field("partition_date") <= days[1])
    where &= (field("started_at") >= pa.scalar(start)) & (field("started_at") <= pa.scalar(end))
    where &= field("service") == _needed(asked, "service")
    if asked.get("operation", "all") != "all":
        where &= field("endpoint") == asked["operation"]
    if asked.get("minDuration"):
        where &= field("latency_ms") >= _milliseconds(asked["minDuration"])
    if asked.get("maxDuration"):
        where &= field("latency_ms") <= _milliseconds(asked["maxDuration"])
    for name, value in _tags(asked).items():
        where &= _has_tag(name, value)
    newest: dict[str, datetime] = {}
    for table in ("silver.spans", "gold.sampled_spans"):
        if lake[table].exists:
            rows = lake[table].arrow(("trace_id", "started_at"), where).group_by("trace_id")
            for row in rows.aggregate([("started_at", "max")]).to_pylist():
                newest[row["trace_id"]] = row["started_at_max"]
    ids = sorted((it for it in newest if it), key=lambda it: (newest[it], it), reverse=True)
    return _traces(lake, ids[: _limit(asked)])


def _traces(lake: DeltaLake, ids: list[str]) -> list[Any]:
    from tracekeep.incident.export.jaeger import jaeger_trace
    from tracekeep.incident.export.whole_trace import whole_traces

    found = whole_traces(lake, ids) if ids else {}
    return [jaeger_trace(trace_id, spans) for trace_id, spans in found.items() if spans]


def dependencies(lake: DeltaLake, asked: Mapping[str, str]) -> list[dict[str, Any]]:
    """Calls between services in the `lookback` ms (a day) up to `endTs` (ms since 1970; now)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    end = _time(asked, "endTs", 1_000) or datetime.now(UTC)
    try:
        start = end - timedelta(milliseconds=int(asked.get("lookback") or 86_400_000))
    except (ValueError, OverflowError) as error:
        raise WrongRequestError("lookback is a number of milliseconds") from error
    days = pa.array([start.date(), end.date()])
    is_day = (pc.field("partition_date") >= days[0]) & (pc.field("partition_date") <= days[1])
    starts = pc.field("window_start")
    where = is_day & (starts >= pa.scalar(start)) & (starts <= pa.scalar(end))
    columns = ("source_service", "target_service", "call_count")
    calls = lake["gold.call_graph_minutes"].arrow(columns, where)
    added = calls.group_by(list(columns[:2])).aggregate([("call_count", "sum")])
    return [
        {
            "parent": row["source_service"],
            "child": row["target_service"],
            "callCount": row["call_count_sum"],
        }
        for row in added.sort_by([(name, "ascending") for name in columns[:2]]).to_pylist()
        if row["source_service"] and row["target_service"]
    ]


def _needed(asked: Mapping[str, str], name: str) -> str:
    if not asked.get(name):
        raise WrongRequestError(f"the parameter {name} is missing")
    return asked[name]


def _limit(asked: Mapping[str, str]) -> int:
    text = asked.get("limit") or "20"
    if not text.isdecimal() or not 1 <= int(text) <= MOST_TRACES:
        raise WrongRequestError(f"limit is a number from 1 to {MOST_TRACES}")
    return int(text)


def _time(asked: Mapping[str, str], name: str, microseconds: int) -> datetime | None:
    """A time in units of so many µs since 1970; None if it is not given."""
    if not asked.get(name):
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            microseconds=int(asked[name]) * microseconds
        )
    except (ValueError, OverflowError) as error:
        raise WrongRequestError(f"{name} is no time since 1970") from error


def _milliseconds(text: str) -> float:
    number = text.rstrip("usmhµ")
    try:
        return float(number) * _LENGTHS[text[len(number) :]] / 1_000
    except (ValueError, KeyError) as error:
        raise WrongRequestError(f"{text!r} is no duration such as 1.2s, 100ms or 500us") from error


def _tags(asked: Mapping[str, str]) -> dict[str, str]:
    try:
        tags = json.loads(asked.get("tags") or "{}")
    except ValueError as error:
        raise WrongRequestError("tags is no JSON") from error
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise WrongRequestError("tags is no object of texts")
    return tags


def _has_tag(name: str, value: str) -> Expression:
    import pyarrow.compute as pc

    if name == "error":
        return pc.field("is_error") == (value == "true")
    if name == "span.kind":
        return pc.field("kind") == value
    of_span, of_resource = (
        pc.map_lookup(pc.field(column), name, "first") == value
        for column in ("attributes", "resource_attributes")
    )
    return of_span | of_resource
