"""Ticks of the simulated year, in a process of their own whose clock faketime sets.

`python year_ticks.py FOLDER DAY…` takes, for each of the days, what has arrived in FOLDER/year
since the tick before into the lake of TRACEKEEP_LAKE, builds Silver and Gold, expires, tests, asks
for the incidents that have come to an age, and writes what came of it to FOLDER/ticks. Safe to
repeat after a crash. Between two ticks Spark ends and the clock jumps, by FOLDER/clock; the JVM
stays.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

BRONZE = ("spans", "log_records", "changes", "rejected_records")
CLOCK_FILE = "FAKETIME_TIMESTAMP_FILE"
EPOCH = "TRACEKEEP_REAL_EPOCH"
"""Environment: real seconds since 1970 when the monotonic clock, which stays real, was 0."""

SECONDS_TO_JUMP = 60
THREADS = ("--threads", "4")
"""With few events a model waits more than it computes."""

DONE = "day {} is done"


def _sleep(seconds: float) -> None:
    """faketime 0.9.10 breaks `clock_nanosleep`, by which Python sleeps, if it leaves the monotonic
    clock alone, as Java needs it."""
    select.select([], [], [], seconds)


if CLOCK_FILE in os.environ:
    time.sleep = _sleep

import arrivals  # noqa: E402 - whoever imports `sleep` by name has to get the one above
import processes  # noqa: E402
import year_answers  # noqa: E402
import year_plan  # noqa: E402

from tracekeep.lake import SCHEMAS, lake_path  # noqa: E402


def main(folder: Path, days: list[int]) -> None:
    """Run the ticks of some days; prints a line for each that is done."""
    incidents = year_plan.incidents_of(folder / "year")
    ticks = year_plan.ticks_of(incidents)
    for tick in ticks:
        if tick.day in days:
            path = file_of(folder, tick.day)
            path.parent.mkdir(exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(run_tick(folder, incidents, ticks, tick)), encoding="utf-8")
            part.rename(path)
            print(DONE.format(tick.day), flush=True)


def file_of(folder: Path, day: int) -> Path:
    """Where the figures of a tick are kept."""
    return folder / "ticks" / f"{day}.json"


def run_tick(
    folder: Path,
    incidents: list[year_plan.Incident],
    ticks: list[year_plan.Tick],
    tick: year_plan.Tick,
) -> dict[str, Any]:
    """One tick; returns its figures. `ticks` are all of the year."""
    from tracekeep.dbt import dbt
    from tracekeep.expire import expire
    from tracekeep.session import spark_session

    full = [other for other in ticks if other.is_full and other.at <= tick.at]
    seconds: dict[str, float] = {}
    figures: dict[str, Any] = {
        "day": tick.day, "at": tick.at.isoformat(), "is_full": tick.is_full, "seconds": seconds,
    }  # fmt: skip
    cpu = processes.cpu_seconds(os.getpid())
    print(f"day {tick.day}, {tick.at:%Y-%m-%d %H:%M}", file=sys.stderr, flush=True)
    with _timed(seconds, "start"):
        _set_clock(tick.at)
        spark = spark_session(hive=True)
    if tick.is_full:
        figures |= _take(spark, folder, full, seconds)
    _stamp_files(tick.at)
    with _timed(seconds, "expire"):
        expire()
    with _timed(seconds, "tests"):
        selected = ("path:tests/retention", "path:tests/conservation")
        if tick.has_all_tests:
            selected = ("test_type:data",)
        figures["tests"] = len(dbt("test", "--select", *selected).result.results)
    # what Delta remembers of the tables belongs to the session that ends
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
    spark.stop()
    _stamp_files(tick.at)
    with _timed(seconds, "answers"):
        figures["asked"] = [
            year_answers.ask(folder / "year", incident, age, tick.at, full)
            for age, incident in year_plan.due(incidents, ticks, tick)
        ]
    figures["layers"] = _layers()
    figures["cpu_seconds"] = round(processes.cpu_seconds(os.getpid()) - cpu)
    return figures


def write_clock(path: Path, at: datetime, epoch: float) -> None:
    """Let faketime's clock go on from a time. epoch: of the monotonic clock, real seconds."""
    part = path.with_suffix(".part")
    part.write_text(f"{at.timestamp() - epoch - time.monotonic():+.0f}s\n", encoding="ascii")
    part.rename(path)


def _set_clock(at: datetime) -> None:
    """Set the clock of this process and of its JVM. Raises RuntimeError if it does not follow."""
    from pyspark import SparkContext

    write_clock(Path(os.environ[CLOCK_FILE]), at, float(os.environ[EPOCH]))
    for _ in range(SECONDS_TO_JUMP):
        clocks = [time.time()]
        if SparkContext._jvm:
            clocks.append(SparkContext._jvm.java.lang.System.currentTimeMillis() / 1000)
        if all(abs(clock - at.timestamp()) <= SECONDS_TO_JUMP for clock in clocks):
            return
        time.sleep(1)
    raise RuntimeError(f"the clock says {datetime.now(UTC)}, and the tick is at {at}")


def _take(
    spark: Any, folder: Path, full: list[year_plan.Tick], seconds: dict[str, float]
) -> dict[str, Any]:
    """Ingest what has arrived since the full tick before, build Silver and Gold."""
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    first = datetime.combine(year_plan.FIRST_DAY, datetime.min.time(), UTC)
    since = year_plan.arrived_until(full[-2].at) if full[:-1] else first
    inbox = folder / "inbox" / str(full[-1].day)
    with _timed(seconds, "ingest"):
        sizes = arrivals.place(folder / "year", inbox, since, year_plan.arrived_until(full[-1].at))
        books = ingest(spark, [inbox])
        if books["read"] != books["bronze"] + books["rejected"]:
            raise RuntimeError(f"the books of ingest do not add up: {books}")
    added = _bytes_of_day(full[-1].at)
    with _timed(seconds, "silver"):
        dbt("run", "--select", "silver", *THREADS)
    with _timed(seconds, "gold"):
        dbt("run", "--select", "gold", *THREADS)
    shutil.rmtree(inbox)
    return {"books": books, "raw": asdict(sizes), "bronze_added": added}


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - started, 1)
    print(f"{name}: {seconds[name]} s", file=sys.stderr, flush=True)


def _stamp_files(at: datetime) -> None:
    """Give each file of the tables that is younger than the tick the tick's time.

    faketime does not reach the file system; VACUUM and the cleaning of logs go by files' times.
    """
    now = at.timestamp()
    for layer in SCHEMAS:
        for parent, _, names in os.walk(lake_path() / layer):
            for name in names:
                path = os.path.join(parent, name)
                if os.lstat(path).st_mtime > now:
                    os.utime(path, (now, now))


def _bytes_of_day(at: datetime) -> int:
    """Bytes of the data files that arrived on a day, all Bronze tables of records together."""
    from deltalake import DeltaTable

    total = 0
    for name in BRONZE:
        actions = DeltaTable(str(lake_path() / "bronze" / name)).get_add_actions(flatten=True)
        days = actions.column("partition.partition_date").to_pylist()
        for day, size in zip(days, actions.column("size_bytes").to_pylist(), strict=True):
            total += size if str(day) == str(at.date()) else 0
    return total


def _layers() -> dict[str, dict[str, int]]:
    from tracekeep.tables import lake_tables

    layers = {layer: dict.fromkeys(("rows", "files", "bytes", "bytes_on_disk"), 0)
              for layer in SCHEMAS}  # fmt: skip
    for table in lake_tables():
        for name in layers[table.layer]:
            layers[table.layer][name] += getattr(table, name)
    return layers


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(word) for word in sys.argv[2:]])
