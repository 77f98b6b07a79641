"""Helpers around whole lakes: inputs dealt to batches, empty lakes, rows to compare."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tracekeep.lake import PROJECT, SCHEMAS, lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def _compared() -> tuple[str, ...]:
    """The tables of Silver and Gold, `layer.table`, whose `meta` says how long they are kept."""
    names = []
    for path in sorted((PROJECT / "models").rglob("*.yml")):
        layer = path.relative_to(PROJECT / "models").parts[0]
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ()):
            meta = model.get("config", {}).get("meta", {})
            if any(meta.get(key) for key in ("retention", "remembered_by", "rebuilt_whole")):
                names.append(f"{layer}.{model['name'].removeprefix('gold_')}")
    return tuple(names)


COMPARED = _compared()
BOOKKEEPING = frozenset({
    "ingest_batch", "ingested_at", "source_file", "source_position", "build_id", "bronze_version",
    "silver_version", "first_arrival_at", "last_arrival_at",
})  # fmt: skip
"""The columns that R5 lets differ."""


def empty_lake(spark: SparkSession) -> None:
    """Forget all tables of the session's lake, their files and what Delta remembers of them."""
    for layer in SCHEMAS:
        spark.sql(f"drop schema if exists {layer} cascade")
        shutil.rmtree(lake_path() / layer, ignore_errors=True)
    spark.catalog.clearCache()
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


def single_records(folder: Path) -> Iterator[str]:
    """The OTLP/JSON files below a folder as export requests of one span or log record each."""
    for path in sorted(folder.rglob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield from _single_records(json.loads(line))


def _single_records(request: dict[str, Any]) -> Iterator[str]:
    for groups, scopes, records in (
        ("resourceSpans", "scopeSpans", "spans"),
        ("resourceLogs", "scopeLogs", "logRecords"),
    ):
        for group in request.get(groups, []):
            for scope in group[scopes]:
                for record in scope[records]:
                    alone = {**group, scopes: [{**scope, records: [record]}]}
                    yield json.dumps({groups: [alone]})


def lines_below(folder: Path) -> Iterator[str]:
    """The lines of all files below a folder."""
    for path in sorted(folder.rglob("*.jsonl")):
        yield from path.read_text(encoding="utf-8").splitlines()


def deal(
    records: Sequence[str], late: Sequence[str], pods: Iterable[Path], out: Path, batches: int,
    seed: int | None, name: str = "records",
) -> list[Path]:  # fmt: skip
    """Deal records and pod log files to `batches` folders; returns the folders in their order.

    seed None keeps the order, the late records last; else everything is shuffled. Each batch but
    the first also repeats some records of the whole. `name` is that of the file in each folder.
    """
    chance = random.Random(seed or 0)
    everything = [*records, *late]
    if seed is not None:
        chance.shuffle(everything)
    size = -(-len(everything) // batches)
    folders = []
    for number in range(batches):
        folder = out / f"batch-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        lines = everything[number * size : (number + 1) * size]
        if number:
            lines += chance.sample(everything, len(everything) // 50)
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        folders.append(folder)
    for pod in pods:
        target = chance.choice(folders) / "pods" / pod.parent.parent.name / pod.parent.name
        target.mkdir(parents=True)
        shutil.copy(pod, target / pod.name)
    return folders


def rows_of(lake: Path, table: str) -> Counter[str]:
    """The rows of a table as JSON texts without bookkeeping columns, with their number."""
    return Counter(row_texts(lake, table))


def row_texts(lake: Path, table: str, without: frozenset[str] = BOOKKEEPING) -> Iterator[str]:
    """The rows of a table as JSON texts without some columns."""
    from deltalake import DeltaTable

    data = DeltaTable(str(lake.joinpath(*table.split(".")))).to_pyarrow_dataset()
    columns = [name for name in data.schema.names if name not in without]
    for batch in data.to_batches(columns=columns):
        for row in batch.to_pylist():
            yield json.dumps(row, sort_keys=True, default=str)


def bronze_rows(table: str) -> list[dict[str, Any]]:
    """All rows of a Bronze table of the lake."""
    return table_rows(f"bronze.{table}")


def table_rows(name: str) -> list[dict[str, Any]]:
    """All rows of a table of the lake."""
    from deltalake import DeltaTable

    return DeltaTable(str(lake_path().joinpath(*name.split(".")))).to_pyarrow_table().to_pylist()


def copy_of(row: str) -> int:
    """Which copy of the oddities (`oddities.in_copy`) a row belongs to; 0: none."""
    tag = re.search(r"copy-(\d\d)", row)
    return int(tag[1]) if tag else 0


def original_rows(lake: Path) -> dict[str, Counter[str]]:
    """The rows of all compared tables that belong to no copy."""
    return {
        table: Counter(row for row in row_texts(lake, table) if not copy_of(row))
        for table in COMPARED
    }


def without_wide_changes(rows: dict[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Rows of tables without the effects of changes that name no environment: these are effects on
    all environments, so on those of copies too."""
    table = "gold.change_effects"
    named = {row: n for row, n in rows[table].items() if '"environment": "unknown"' not in row}
    return {**rows, table: Counter(named)}


def rows_by_copy(lake: Path) -> dict[int, dict[str, Counter[str]]]:
    """The rows of Silver by copy, with its name and its digits of the trace ids blotted out, and
    without hashes of either."""
    without = BOOKKEEPING | {"record_hash", "failure_id", "change_key"}
    copies: dict[int, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for table in COMPARED:
        if table.startswith("silver."):
            for row in row_texts(lake, table, without):
                blotted = re.sub(r"copy-\d\d", "copy", row)
                blotted = re.sub(r"\b(0{16})[0-9a-f]{2}([0-9a-f]{14})\b", r"\1..\2", blotted)
                blotted = re.sub(
                    r"\b([0-9a-f]{4})[0-9a-f]{4}([0-9a-f]{24})\b", r"\1....\2", blotted
                )
                copies[copy_of(row)][table][blotted] += 1
    return copies


def snapshot(lake: Path) -> dict[str, Counter[str]]:
    """The rows of all compared tables of a lake."""
    return {table: rows_of(lake, table) for table in COMPARED}


def assert_same_rows(expected: dict[str, Counter[str]], actual: dict[str, Counter[str]]) -> None:
    """Fail with the first differing rows of each table."""
    differences = []
    for table in expected:
        missing, surplus = expected[table] - actual[table], actual[table] - expected[table]
        if missing or surplus:
            differences.append(
                f"{table}: {missing.total()} rows missing, {surplus.total()} too many\n"
                + "\n".join(f"  - {row}" for row in sorted(missing)[:3])
                + "\n"
                + "\n".join(f"  + {row}" for row in sorted(surplus)[:3])
            )
    assert not differences, "\n".join(differences)


def run_and_kill(lake: Path, day: Path, table: str) -> None:
    """`python -m tracekeep run` as a process of its own; kill -9 when it says that it has built
    `table`, so while it builds the next one. Fails if it ends in any other way."""
    process = subprocess.Popen(  # noqa: S603 - the arguments are the tests' own
        [sys.executable, "-m", "tracekeep", "run", str(day)],
        cwd=PROJECT,
        env={**os.environ, "TRACEKEEP_LAKE": str(lake)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    guard = threading.Timer(3000, os.killpg, (process.pid, signal.SIGKILL))
    guard.start()
    lines = []
    for line in process.stderr or []:
        lines.append(line)
        if table in line:
            os.killpg(process.pid, signal.SIGKILL)
    guard.cancel()
    assert process.wait() == -signal.SIGKILL, "".join(lines)
    assert any(table in line for line in lines), "".join(lines)
