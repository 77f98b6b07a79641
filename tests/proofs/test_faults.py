"""R5 under faults: kills, two ingests at once, a full disk. The final Silver is that of a run that
nothing disturbed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import blake2b
from pathlib import Path

import commands
import lakes
import pytest

from tracekeep.lake import PROJECT

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "500000"))
KILLS = 10
BYTES_PER_EVENT = 50
"""Room on the small disk: about half of what Bronze needs."""
SILVER = ("spans", "log_records", "traces", "error_events")


def silver(lake: Path) -> dict[str, Counter[bytes]]:
    """Digests of the rows of Silver, built anew from the lake's Bronze."""
    script = "from tracekeep.dbt import dbt; dbt('run', '--select', 'silver')"
    process = subprocess.run(  # noqa: S603 - a script of this test
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env={**os.environ, "TRACEKEEP_LAKE": str(lake)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return {
        table: Counter(
            blake2b(row.encode(), digest_size=16).digest()
            for row in lakes.row_texts(lake, f"silver.{table}")
        )
        for table in SILVER
    }


def run_as_root(*command: object) -> None:
    """Run a command that only root may run; the proof of a full disk mounts a small one."""
    process = subprocess.run(  # noqa: S603 - the commands stand in this test
        [*map(str, command)], check=False, capture_output=True, text=True
    )
    assert process.returncode == 0, f"{command}: {process.stderr}"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated day, with late and repeated records."""
    folder = tmp_path_factory.mktemp("input") / "day"
    code, _, err = commands.finish(
        commands.start("generate", folder, "--events", EVENTS, "--seed", 5)
    )
    assert code == 0, err
    return folder


@pytest.fixture(scope="module")
def undisturbed(day: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[bytes]]:
    """Silver of one ingest and one run."""
    lake = tmp_path_factory.mktemp("undisturbed") / "lake"
    books = commands.books_of("ingest", day, TRACEKEEP_LAKE=str(lake))
    assert books["read"] >= EVENTS
    rows = silver(lake)
    shutil.rmtree(lake)
    return rows


def test_kills_and_two_ingests_at_once(
    day: Path, undisturbed: dict[str, Counter[bytes]], lake: Path
) -> None:
    chance = random.Random(7)
    killed = 0
    files = sum(path.is_file() for path in day.rglob("*"))
    per_batch = max(1, files // (KILLS * 6))
    arguments = ("ingest", day, "--max-files-per-batch", per_batch)
    while killed < KILLS:
        process = commands.start(*arguments)
        is_killed = commands.kill_after(process, chance.randint(0, 3), chance)
        assert is_killed, f"the ingest ended after {killed} kills: too few batches"
        killed += 1
    both = [commands.start(*arguments), commands.start(*arguments)]
    results = [commands.finish(process) for process in both]
    assert [code for code, _, _ in results] == [0, 0], results
    assert any("waiting for another ingest" in err for _, _, err in results)
    assert silver(lake) == undisturbed


def test_a_full_disk_stops_ingest_and_loses_nothing(
    day: Path, undisturbed: dict[str, Counter[bytes]], tmp_path: Path
) -> None:
    place = tmp_path / "small"
    place.mkdir()
    run_as_root("mount", "-t", "tmpfs", "-o", f"size={EVENTS * BYTES_PER_EVENT}", "tmpfs", place)
    try:
        lake = place / "lake"
        arguments = ("ingest", day, "--max-files-per-batch", 40)
        code, _, err = commands.finish(commands.start(*arguments, TRACEKEEP_LAKE=str(lake)))
        assert code == 1, err
        assert "No space left on device" in err
        assert "the next ingest finishes it first" in err
        run_as_root("mount", "-o", "remount,size=4g", place)
        books = commands.books_of(*arguments, TRACEKEEP_LAKE=str(lake))
        assert books["bronze"] > 0
        assert silver(lake) == undisturbed
    finally:
        run_as_root("umount", "-l", place)
