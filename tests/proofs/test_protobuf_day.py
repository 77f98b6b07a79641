"""A generated day as JSON, and as length-prefixed protobuf in zstd, gives the same Silver."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import commands
from lakes import rows_of
from test_protobuf import framed, to_protobuf, zstd

EVENTS = 20_000
TABLES = ("spans", "log_records", "error_events", "service_calls", "traces", "changes")


def test_json_and_protobuf_of_a_day_are_the_same_silver(tmp_path: Path) -> None:
    from tracekeep.generator import generate

    generate(tmp_path / "json", events=EVENTS, seed=1)
    shutil.copytree(tmp_path / "json", tmp_path / "proto")
    converted = 0
    for path in sorted((tmp_path / "proto").rglob("*.jsonl.gz")):
        lines = gzip.decompress(path.read_bytes()).splitlines()
        requests = [json.loads(line) for line in lines]
        if not all({"resourceSpans", "resourceLogs"} & request.keys() for request in requests):
            continue
        path.with_suffix(".zst").write_bytes(framed(*(zstd(to_protobuf(r)) for r in requests)))
        path.unlink()
        converted += len(requests)
    assert converted > 100
    lakes = {}
    for name in ("json", "proto"):
        lakes[name] = tmp_path / f"{name}_lake"
        code, _, err = commands.finish(
            commands.start("run", tmp_path / name, TRACEKEEP_LAKE=str(lakes[name]))
        )
        assert code == 0, err
    for table in TABLES:
        expected = rows_of(lakes["json"], f"silver.{table}")
        assert expected
        assert rows_of(lakes["proto"], f"silver.{table}") == expected
