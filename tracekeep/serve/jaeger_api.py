"""Jaeger's query API over the lake, for its UI and Grafana: each function answers one path."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tracekeep.incident.arguments import trace_id_of
from tracekeep.serve.requests import ErasedError, WrongRequestError, parsed

if TYPE_CHECKING:
    from pyarrow.compute import Expression
    from starlette.datastructures import QueryParams

    from tracekeep.incident.delta_lake import DeltaLake

MOST_TRACES, MOST_TAGS = 1_500, 16
"""Of one answer, as Jaeger's UI asks for at most; of one search."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_MICROSECONDS = 250 * 365 * 86_400 * 10**6
"""The latest time of a question."""
_LENGTHS = {
    "ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000,
}  # fmt: skip
"""Units of a duration, in ms."""
_LENGTH = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ns|us|µs|ms|s|m|h)")


def services(lake: DeltaLake, asked: QueryParams) -> list[str]:
    """Names of all services."""
    return sorted({service for service, _ in _names(lake)})


def operations(lake: DeltaLake, asked: QueryParams) -> list[dict[str, str]]:
    """Operations of the service `service`; Tracekeep counts those of all kinds together."""
    return [{"name": name, "spanKind": ""} for name in operation_names(lake, asked)]


def operation_names(lake: DeltaLake, asked: QueryParams) -> list[str]:
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


def trace(lake: DeltaLake, asked: QueryParams) -> list[Any]:
    """The trace `trace_id`, 32 hex digits, or fewer, which are padded. Raises ErasedError."""
    from tracekeep.incident.delta_lake import stamp
    from tracekeep.incident.layers import erased_at

    trace_id = parsed(trace_id_of, asked["trace_id"])
    if at := erased_at(lake, trace_id):
        raise ErasedError(f"the trace was erased {stamp(at)}")
    return _traces(lake, [trace_id])


def traces(lake: DeltaLake, asked: QueryParams) -> list[Any]:
    """The newest `limit` traces (20) with a span of `service` that starts from `start` to `end`
    (µs since 1970; the last hour) and has the other parameters of Jaeger: `operation`,
    `minDuration`, `maxDuration` (such as 1.2s), `tags` (JSON), `tag` (name:value). Or the traces of
    each `traceID`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if named := asked.getlist("traceID"):
        return _traces(lake, [parsed(trace_id_of, text) for text in named[:MOST_TRACES]])
    end = _time(asked, "end", 1) or datetime.now(UTC)
    start = _time(asked, "start", 1) or max(end - timedelta(hours=1), _EPOCH)
    days = pa.array([start.date(), end.date()])
    field = pc.field
    where = (field("partition_date") >= days[0]) & (field("partition_date") <= days[1])
    where &= (field("started_at") >= pa.scalar(start)) & (field("started_at") <= pa.scalar(end))
    where &= field("service") == _needed(asked, "service")
    if asked.get("operation", "all") != "all":
        where &= (field("endpoint") == asked["operation"]) | (
            field("operation") == asked["operation"]
        )
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


def dependencies(lake: DeltaLake, asked: QueryParams) -> list[dict[str, Any]]:
    """Calls between services in the `lookback` ms (a day) up to `endTs` (ms since 1970; now)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    end = _time(asked, "endTs", 1_000) or datetime.now(UTC)
    text = asked.get("lookback") or "86400000"
    if not re.fullmatch("[0-9]{1,12}", text):
        raise WrongRequestError("lookback is a number of milliseconds")
    start = max(end - timedelta(milliseconds=int(text)), _EPOCH)
    days = pa.array([start.date(), end.date()])
    is_day = (pc.field("partition_date") >= days[0]) & (pc.field("partition_date") <= days[1])
    starts = pc.field("window_start")
    where = is_day & (starts >= pa.scalar(start)) & (starts <= pa.scalar(end))
    columns = ("source_service", "target_service", "call_count")
    if not lake["gold.call_graph_minutes"].exists:
        return []
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


def _needed(asked: QueryParams, name: str) -> str:
    if not asked.get(name):
        raise WrongRequestError(f"the parameter {name} is missing")
    return asked[name]


def _limit(asked: QueryParams) -> int:
    text = asked.get("limit") or "20"
    if not re.fullmatch("[0-9]{1,9}", text) or not int(text):
        raise WrongRequestError("limit is a number of traces")
    return min(int(text), MOST_TRACES)


def _time(asked: QueryParams, name: str, microseconds: int) -> datetime | None:
    """A time in units of so many µs since 1970; None if it is not given."""
    text = asked.get(name)
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,17}", text) or int(text) * microseconds > _MOST_MICROSECONDS:
        raise WrongRequestError(f"{name} is no time since 1970")
    return _EPOCH + timedelta(microseconds=int(text) * microseconds)


def _milliseconds(text: str) -> float:
    if not re.fullmatch(f"(?:{_LENGTH.pattern}){{1,6}}", text):
        raise WrongRequestError(f"{text!r} is no duration such as 1.2s, 1m30s or 500us")
    return sum(float(number) * _LENGTHS[unit] for number, unit in _LENGTH.findall(text))


def _tags(asked: QueryParams) -> dict[str, str]:
    text = asked.get("tags") or "{}"
    try:
        tags = json.loads(text)
        json.dumps(tags, ensure_ascii=False).encode()  # half characters are no text
    except (ValueError, RecursionError) as error:
        raise WrongRequestError("tags is no JSON") from error
    pairs = [one.partition(":") for one in asked.getlist("tag")]
    if not isinstance(tags, dict) or not all(colon for _, colon, _ in pairs):
        raise WrongRequestError("tags is an object, and each tag is name:value")
    named = {**tags, **{name: value for name, _, value in pairs}}
    if len(named) > MOST_TAGS:
        raise WrongRequestError(f"a search has at most {MOST_TAGS} tags")
    # numbers and truth values are texts in Silver, as JSON has them
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in named.items()
    }


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
