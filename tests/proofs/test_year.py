"""A year of 2,000 events a day with an incident a week: each incident is told at every age.

Ticks run under faketime, some of them in a process, and their figures stay in a folder: a proof
that was cut short goes on with the tick where it was, with the same TRACEKEEP_PROVE_FOLDER. With
TRACEKEEP_PROVE_TICKS (days such as `0-9,31`) or TRACEKEEP_PROVE_EVENTS (a day) the document stays
in that folder. Writes docs/results/retention.md and retention.svg.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import year_plan
import year_report
import year_ticks

from tracekeep.generator import generate
from tracekeep.lake import PROJECT

FOLDER = Path(
    os.environ.get("TRACEKEEP_PROVE_FOLDER") or Path(tempfile.gettempdir()) / "tracekeep-year"
)
IS_WHOLE = not os.environ.get("TRACEKEEP_PROVE_TICKS") and year_plan.EVENTS_A_DAY == 2000
MOST_OVERHEAD = 3
"""Gold on disk, against what it holds live, at most."""

CLOCK = {
    "FAKETIME_CACHE_DURATION": "1",
    # the file system's times stay its own: the ticks set them
    "NO_FAKE_STAT": "1",
    # Java waits by the monotonic clock, which faketime 0.9.10 breaks unless told both
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "FAKETIME_FORCE_MONOTONIC_FIX": "0",
}
TICKS_A_PROCESS = 30
JAVA_OPTIONS = (
    # with few rows code takes longer to make than it saves: a tick took 1.2 times as long
    "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN "
    "-XX:ReservedCodeCacheSize=512m"
)

Figures = dict[str, Any]


@pytest.fixture(scope="module")
def faketime() -> str:
    """The command that sets the clock of a process tree; the proof fails without it."""
    command = shutil.which("faketime")
    if command is None:
        pytest.fail(
            "prove-year needs the command faketime: install it, on Debian with "
            "`apt-get install faketime`"
        )
    return command


@pytest.fixture(scope="module")
def year() -> Path:
    """The generated year."""
    folder, days = FOLDER / "year", year_plan.LAST_DAY + 1
    events = year_plan.EVENTS_A_DAY * days
    manifest = folder / "truth" / "manifest.json"
    if manifest.exists():
        held = json.loads(manifest.read_text(encoding="utf-8"))["arguments"]["events"]
        assert held == events, f"{FOLDER} holds a year of {held} events: empty it, or name another"
    else:
        generate(
            folder, events, seed=7, days=days, start=year_plan.FIRST_DAY,
            incident_every=year_plan.INCIDENT_EVERY, force=True,
        )  # fmt: skip
    return folder


def run_ticks(ticks: Sequence[year_plan.Tick], faketime: str) -> Iterator[Figures]:
    """What comes of ticks, each noted in its file as soon as it is done."""
    clock, epoch = FOLDER / "clock", time.time() - time.monotonic()
    year_ticks.write_clock(clock, ticks[0].at, epoch)
    library = subprocess.run(  # noqa: S603 - as it says itself where the library is
        [faketime, "-m", "-f", "+0s", "printenv", "LD_PRELOAD"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    process = subprocess.Popen(  # noqa: S603 - the arguments are the proof's own
        [sys.executable, year_ticks.__file__, FOLDER, *(str(tick.day) for tick in ticks)],
        cwd=PROJECT,
        env={
            "TRACEKEEP_JAVA_OPTIONS": JAVA_OPTIONS,
            **os.environ,
            **CLOCK,
            "LD_PRELOAD": library,
            year_ticks.CLOCK_FILE: str(clock),
            year_ticks.EPOCH: str(epoch),
            "TRACEKEEP_LAKE": str(FOLDER / "lake"),
            "PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests' / 'python'}",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    left = list(ticks)
    with process:
        for line in process.stdout or []:
            # VACUUM speaks there too
            if left and line == year_ticks.DONE.format(left[0].day) + "\n":
                yield kept(left.pop(0))
    assert process.returncode == 0, "a tick failed: run the proof again, it goes on with that one"


def kept(tick: year_plan.Tick) -> Figures:
    """The figures of a tick that is done."""
    return json.loads(year_ticks.file_of(FOLDER, tick.day).read_text(encoding="utf-8"))


def figures_of(ticks: Sequence[year_plan.Tick], faketime: str) -> Iterator[Figures]:
    """The figures of all ticks in their order; those that are done are not run again."""
    done = [tick for tick in ticks if year_ticks.file_of(FOLDER, tick.day).exists()]
    assert done == list(ticks[: len(done)]), f"{FOLDER} holds other ticks: empty it"
    yield from map(kept, done)
    for first in range(len(done), len(ticks), TICKS_A_PROCESS):
        yield from run_ticks(ticks[first : first + TICKS_A_PROCESS], faketime)


def test_each_incident_is_told_at_every_age(year: Path, faketime: str) -> None:
    target = PROJECT / "docs" / "results" if IS_WHOLE else FOLDER
    done: list[Figures] = []
    for figures in figures_of(year_plan.ticks_of(year_plan.incidents_of(year)), faketime):
        done.append(figures)
        # after each tick, so that a proof that is cut short leaves what it found
        (target / "retention.md").write_text(
            year_report.document(done, "retention.svg"), encoding="utf-8"
        )
        (target / "retention.svg").write_text(year_report.plot(done), encoding="utf-8")
    print((target / "retention.md").read_text(encoding="utf-8"))
    assert year_report.problems_of(done) == []
    asked = [one for tick in done for one in tick["asked"]]
    assert asked
    assert all(one["told_paths"] == one["paths"] for one in asked)
    if IS_WHOLE:
        assert sum(tick["is_full"] for tick in done) >= 60
        assert {one["age"] for one in asked} == {*year_plan.AGES, year_plan.AT_THE_END}
    gold = done[-1]["layers"]["gold"]
    assert gold["bytes_on_disk"] <= MOST_OVERHEAD * gold["bytes"]
