"""A cluster under load: ingest follows what arrives, dbt builds beside it, processes die."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import commands
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from tracekeep.lake import PROJECT

SECONDS = 60 * int(os.environ.get("TRACEKEEP_PROVE_MINUTES", "20"))
RATE = 1_000
"""Spans and log records a second."""
OTLP_SHARE = 0.72
"""Of the generated events; the rest are lines of pods, which are left out."""
TIME = re.compile(r'(?<=Nano":")\d+(?=")')
RECORD = re.compile('"(?:startT|observedT)imeUnixNano"')
WORKER_DIES, DOOR_CLOSES = SECONDS * 0.3, SECONDS * 0.6
"""Seconds from the start."""


@dataclass
class Arrivals:
    """Export requests of a generated day in the order of their arrival, at a steady rate.

    An hour of the day lasts as long as its records take, so all times are moved and shortened;
    their order, the ids and what belongs together stay.
    """

    lines: list[str]
    arrived: np.ndarray[tuple[int], np.dtype[np.float64]]
    """Of each line, in ns of the generated day."""
    records: np.ndarray[tuple[int], np.dtype[np.int64]]
    """In this line and those before it."""

    def due(self, second: float) -> int:
        """How many lines have arrived that many seconds after the start."""
        return int(np.searchsorted(self.records, second * RATE, "right"))

    def moved(self, line: str, start: float) -> str:
        """The line as if the day had begun at `start` (Unix seconds)."""
        times = np.array([int(text) for text in TIME.findall(line)], dtype=np.float64)
        seconds = np.interp(times, self.arrived, self.records) / RATE
        moved = iter(((start + seconds) * 1e9).astype(np.int64).tolist())
        return TIME.sub(lambda _: str(next(moved)), line)


def arrivals_of(day: Path) -> Arrivals:
    """Requests of a generated day; those of an hour arrive when their last record is written, late
    ones in the hour that their file names."""
    found: list[tuple[float, str]] = []
    for path in day.glob("otlp/*/*/*.gz"):
        date = np.datetime64(path.parent.name, "ns").astype(np.int64)
        hour = float(date + int(path.name[:2]) * 3600 * 10**9)
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                newest = max(map(float, TIME.findall(line)))
                found.append((hour if "late" in path.name else newest, line))
    found.sort()
    lines = [line for _, line in found]
    records = np.cumsum([len(RECORD.findall(line)) for line in lines])
    return Arrivals(lines, np.array([time for time, _ in found]), records)


def feed(arrivals: Arrivals, folder: Path, start: float) -> None:
    """Write a file a second with what has arrived, whole."""
    told = 0
    for second in range(1, SECONDS + 1):
        time.sleep(max(0.0, start + second - time.time()))
        due = arrivals.due(second)
        text = "".join(arrivals.moved(line, start) for line in arrivals.lines[told:due])
        draft = folder.parent / "draft"
        draft.write_text(text, encoding="utf-8")
        draft.rename(folder / f"{second:05}.jsonl")
        told = due


@dataclass
class Round:
    """A build of Silver and Gold: seconds from the start, and the batches whose books were closed
    before it."""

    started: float
    batches: set[int]
    ended: float = 0
    succeeded: bool = False


@dataclass
class Soak:
    """What runs on the cluster, and what happened to it."""

    start: float
    log: Path
    rounds: list[Round] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)

    def second(self) -> float:
        """Seconds since the start."""
        return time.time() - self.start

    def build(self, lake: Path) -> None:
        """Run dbt on the cluster once."""
        books = columns_of(lake, "bronze.ingest_batches", "ingest_batch")
        this = Round(self.second(), set(books["ingest_batch"].to_pylist()))
        with self.log.open("ab") as log:
            done = subprocess.run(
                [sys.executable, "-m", "dbt.cli.main", "run", "--target", "cluster"],
                cwd=PROJECT, stdout=log, stderr=log, check=False,
            )  # fmt: skip
        this.ended, this.succeeded = self.second(), done.returncode == 0
        self.rounds.append(this)
        print(f"round: {this.started:.0f} to {this.ended:.0f} s, {this.succeeded}", flush=True)

    def kill(self, name: str) -> None:
        """Kill a process of the cluster and start it again after ten seconds."""
        pid = int((PROJECT / ".cluster" / f"{name}.pid").read_text(encoding="utf-8"))
        os.killpg(pid, signal.SIGKILL)
        self.happened.append(f"{self.second():.0f} s: `{name}` killed")
        time.sleep(10)
        commands.python("scripts/cluster.py", "start")
        self.happened.append(f"{self.second():.0f} s: `{name}` is back")


@dataclass
class Delivered:
    """An independent reading of what was fed."""

    spans: int = 0
    log_records: int = 0
    span_ids: set[tuple[str, str]] = field(default_factory=set)


def read(folder: Path) -> Delivered:
    """Read all files that were fed."""
    found = Delivered()
    for path in folder.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            request = json.loads(line)
            for resource in request.get("resourceSpans", []):
                for scope in resource["scopeSpans"]:
                    found.spans += len(scope["spans"])
                    found.span_ids |= {(it["traceId"], it["spanId"]) for it in scope["spans"]}
            for resource in request.get("resourceLogs", []):
                found.log_records += sum(len(it["logRecords"]) for it in resource["scopeLogs"])
    return found


def columns_of(lake: Path, table: str, *columns: str) -> pa.Table:
    return DeltaTable(str(lake.joinpath(*table.split(".")))).to_pyarrow_table(columns=list(columns))


def pairs_of(rows: pa.Table) -> list[tuple[str, str]]:
    """Trace and span ids of the rows."""
    return list(zip(rows["trace_id"].to_pylist(), rows["span_id"].to_pylist(), strict=True))


def seconds_to_gold(lake: Path, soak: Soak) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """From the start of each span to the end of the build that took it to Gold."""
    spans = columns_of(lake, "bronze.spans", "ingest_batch", "start_time_unix_nano")
    batches = spans["ingest_batch"].to_numpy()
    in_gold = np.full(len(batches), np.nan)
    for this in reversed(soak.rounds):
        if this.succeeded:
            in_gold[np.isin(batches, list(this.batches))] = soak.start + this.ended
    assert not np.isnan(in_gold).any(), "a batch never came to Gold"
    return in_gold - spans["start_time_unix_nano"].to_numpy() / 1e9


@pytest.mark.parametrize("cluster", ["folder"], indirect=True)
def test_soak(cluster: Path, tmp_path: Path) -> None:
    day, watched = tmp_path / "day", tmp_path / "watched"
    events = int(SECONDS * RATE / OTLP_SHARE)
    commands.python("-m", "tracekeep", "generate", day, "--events", events, "--seed", 9)
    arrivals = arrivals_of(day)
    assert arrivals.records[-1] > SECONDS * RATE
    watched.mkdir()
    with (tmp_path / "ingest").open("wb") as log:
        ingest = subprocess.Popen(  # noqa: S603 - the project's own command
            [sys.executable, "-m", "tracekeep", "ingest", watched, "--follow"],
            cwd=PROJECT, stdout=log, stderr=log,
        )  # fmt: skip
    soak = Soak(time.time(), tmp_path / "dbt")
    others = [
        threading.Thread(target=feed, args=(arrivals, watched, soak.start)),
        threading.Timer(WORKER_DIES, soak.kill, ["worker-1"]),
        threading.Timer(DOOR_CLOSES, soak.kill, ["connect"]),
    ]
    for other in others:
        other.daemon = True
        other.start()
    try:
        while not _books(cluster):
            assert ingest.poll() is None, (tmp_path / "ingest").read_text(encoding="utf-8")
            time.sleep(1)
        while any(other.is_alive() for other in others):
            soak.build(cluster)
        fed = read(watched)
        deadline = time.monotonic() + 600
        while _books(cluster) < fed.spans + fed.log_records and time.monotonic() < deadline:
            time.sleep(5)
    finally:
        ingest.send_signal(signal.SIGTERM)
        assert ingest.wait() == 0
    soak.build(cluster)

    assert fed.spans + fed.log_records > 0.99 * SECONDS * RATE
    assert len(soak.happened) == 4  # two died, two came back
    counts = DeltaTable(str(cluster / "bronze" / "ingest_batches")).to_pyarrow_table()
    assert pc.sum(counts["span_count"]).as_py() == fed.spans
    assert pc.sum(counts["log_record_count"]).as_py() == fed.log_records
    assert pc.sum(counts["rejected_count"]).as_py() == 0
    for table, rows in (("spans", fed.spans), ("log_records", fed.log_records)):
        assert columns_of(cluster, f"bronze.{table}", "ingest_batch").num_rows == rows
    spans = pairs_of(columns_of(cluster, "silver.spans", "trace_id", "span_id"))
    assert len(spans) == len(fed.span_ids)
    assert set(spans) == fed.span_ids
    with gzip.open(day / "truth" / "error_events.jsonl.gz", "rt", encoding="utf-8") as lines:
        truth = [json.loads(line) for line in lines]
    errors = {(it["trace_id"], it["span_id"]) for it in truth if it["event"] == "span"}
    in_gold = columns_of(cluster, "gold.error_events", "event_type", "trace_id", "span_id")
    in_gold = in_gold.filter(pc.field("event_type") == "span")
    assert sorted(pairs_of(in_gold)) == sorted(errors & fed.span_ids)
    tests = commands.python(
        "-m", "dbt.cli.main", "test", "--target", "cluster", "--select", "test_type:data"
    )
    (passed,) = re.findall(r"Done\. (.*)", tests)

    waits = seconds_to_gold(cluster, soak)
    succeeded = [this.ended - this.started for this in soak.rounds if this.succeeded]
    report = "\n".join(
        [
            "# A cluster under load",
            "",
            f"Made by `make prove-soak`: {SECONDS / 60:.0f} minutes of {RATE:,} events a second "
            "(traces and logs of a generated day by OTLP/JSON, a file a second) on the cluster of "
            "`make cluster`, a master and two workers. `ingest --follow` is one driver, Spark "
            "Connect the other; `dbt run` starts anew as soon as it ends. All share one machine of "
            f"{os.cpu_count()} cores.",
            "",
            "| | |",
            "|---|---|",
            f"| spans, log records delivered | {fed.spans:,}, {fed.log_records:,} |",
            f"| of them distinct spans, all in Silver | {len(spans):,} |",
            f"| error spans, all in Gold | {len(errors & fed.span_ids):,} |",
            f"| builds, of which failed | {len(soak.rounds)}, "
            f"{len(soak.rounds) - len(succeeded)} |",
            f"| seconds of a build: median, longest | {np.median(succeeded):.0f}, "
            f"{max(succeeded):.0f} |",
            f"| event time to Gold, s: p50, p95 | {np.percentile(waits, 50):.0f}, "
            f"{np.percentile(waits, 95):.0f} |",
            f"| `dbt test` at the end | {passed} |",
            "",
            *(f"- {line}" for line in soak.happened),
            "",
        ]
    )
    (PROJECT / "docs" / "results" / "soak.md").write_text(report, encoding="utf-8")
    print(report)


def _books(lake: Path) -> int:
    """Spans and log records in the books that ingest has closed."""
    if not DeltaTable.is_deltatable(str(lake / "bronze" / "ingest_batches")):
        return 0
    counts = columns_of(lake, "bronze.ingest_batches", "span_count", "log_record_count")
    return sum(pc.sum(column).as_py() or 0 for column in counts.columns)
