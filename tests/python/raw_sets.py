"""Small raw files for the independent reading, and what it reads of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from oracle.raw_reading import read_set
from oracle.verdicts import Reading, judge

SECOND = 10**9
MINUTE = 60 * SECOND
NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z
KEPT = "f" * 14
DROPPED = "0" * 14


def trace_id(number: int, randomness: str = DROPPED) -> str:
    return f"{number:018x}{randomness}"


def span_id(number: int) -> str:
    return f"{number:016x}"


def attribute(key: str, value: Any) -> dict[str, Any]:
    kind = "boolValue" if isinstance(value, bool) else "stringValue"
    return {"key": key, "value": {kind: value}}


def span(trace: str, number: int, parent: int | None = None, **changes: Any) -> dict[str, Any]:
    start = changes.pop("start", NOON)
    duration = changes.pop("duration", 1_000_000)
    return {
        "traceId": trace,
        "spanId": span_id(number),
        "name": f"op-{'abcdefghijklmnopqrstuvwxyz'[number % 26]}",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + duration),
        **({"parentSpanId": span_id(parent)} if parent else {}),
        **changes,
    }


def request(*spans: dict[str, Any], service: str = "shop", **attributes: str) -> dict[str, Any]:
    stated = {"service.name": service, **attributes}
    resource = {"attributes": [attribute(k, v) for k, v in stated.items()]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def log_request(*records: dict[str, Any], **attributes: str) -> dict[str, Any]:
    resource = {"attributes": [attribute(k, v) for k, v in attributes.items()]}
    scopes = [{"logRecords": list(records)}]
    return {"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]}


def write(folder: Path, *documents: Any, name: str = "spans.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    texts = [d if isinstance(d, str) else json.dumps(d) for d in documents]
    content = ("\n".join(texts) + "\n").encode()
    folder.joinpath(name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    return folder


def write_pod_log(folder: Path, *lines: str, pod: str = "pay-7d9f8b6c5d-h5m2n") -> Path:
    target = folder / "pods" / f"prod_{pod}_0b1c" / "server"
    write(target, *lines, name="0.log")
    return folder


def docker(text: str, time: str = "2024-01-01T12:00:00.5Z") -> str:
    return json.dumps({"log": text + "\n", "stream": "stdout", "time": time})


def read(folder: Path) -> Reading:
    return judge(read_set(folder))
