"""A lake in an object store, of a real S3-compatible server: the same rows as on disk."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import commands
import lakes
import pytest
from upath import UPath

from tracekeep.lake import PROJECT

KILLS = 20


@pytest.fixture
def in_store(
    store: dict[str, str], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> UPath:
    """An empty lake in the store, for this process and those that it starts."""
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    lake = UPath(f"s3a://lake/{request.node.name}", use_listings_cache=False)
    monkeypatch.setenv("TRACEKEEP_LAKE", str(lake))
    return lake


def told(*arguments: object, **environment: str) -> str:
    """What a command prints; it must succeed."""
    return commands.python("-m", "tracekeep", *arguments, **environment)


def test_same_rows_as_on_disk(
    in_store: UPath,
    two_days: list[Path],
    disk_lake: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRACEKEEP_STATE", str(tmp_path / "state"))
    for day in two_days:
        told("run", day)
    expected = lakes.snapshot(disk_lake)
    assert expected["silver.spans"].total() > 500
    lakes.assert_same_rows(expected, lakes.snapshot(in_store))
    started = time.monotonic()
    assert "silver" in told("run", two_days[1])
    print(f"run with nothing new: {time.monotonic() - started:.1f} s")
    on_disk = {"TRACEKEEP_LAKE": str(disk_lake), "TRACEKEEP_STATE": str(disk_lake)}
    assert _tables() == _tables(**on_disk)
    assert _incident() == _incident(**on_disk)
    trace = next(row["trace_id"] for row in _rows(in_store, "gold.error_events"))
    assert re.search("proof: nothing of .* is left", told("erase", "--trace", trace))
    assert trace not in {row["trace_id"] for row in _rows(in_store, "gold.error_events")}
    # from a machine that has seen nothing of this lake
    told("expire", "--now", "2026-12-31", TRACEKEEP_STATE=str(tmp_path / "another"))
    assert not _rows(in_store, "silver.spans")
    assert _rows(in_store, "gold.error_events")


def _tables(**place: str) -> dict[str, int]:
    """Rows by table."""
    return {table["name"]: table["rows"] for table in json.loads(told("tables", "--json", **place))}


def _incident(**place: str) -> str:
    """The answer without what tells builds apart."""
    return re.sub('"(build_id|committed_at)": "[^"]+"', "", told("incident", "--json", **place))


def _rows(lake: Path, table: str) -> list[dict[str, object]]:
    return [json.loads(row) for row in lakes.row_texts(lake, table)]


def test_two_drivers_and_kills(
    in_store: UPath, two_days: list[Path], disk_lake: Path, tmp_path: Path
) -> None:
    chance = random.Random(3)
    tracekeep, dbt = [sys.executable, "-m", "tracekeep"], [sys.executable, "-m", "dbt.cli.main"]
    ingest = [*tracekeep, "ingest", *map(str, two_days), "--max-files-per-batch", "1"]
    drivers = {"ingest": ingest, "dbt": [*dbt, "run"]}

    def start(driver: str) -> subprocess.Popen[bytes]:
        with (tmp_path / driver).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the project's own commands
                drivers[driver], cwd=PROJECT, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "TRACEKEEP_STATE": str(tmp_path / f"state_{driver}")},
            )  # fmt: skip

    running = {driver: start(driver) for driver in drivers}
    killed: Counter[str] = Counter()
    while killed.total() < KILLS:
        time.sleep(chance.uniform(5, 40))
        driver = chance.choice(sorted(drivers))
        if running[driver].poll() is None:
            os.killpg(running[driver].pid, signal.SIGKILL)
            running[driver].wait()
            killed[driver] += 1
        running[driver] = start(driver)
    print(f"killed: {dict(killed)}")
    for driver in ("ingest", "dbt"):
        assert running[driver].wait(1800) == 0, (tmp_path / driver).read_text(encoding="utf-8")
    assert start("dbt").wait(1800) == 0  # what ingest committed after dbt had looked
    lakes.assert_same_rows(lakes.snapshot(disk_lake), lakes.snapshot(in_store))
