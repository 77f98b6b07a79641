"""`run --follow` as a process of its own: two rounds of real files, and an end in order."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import commands
import pytest

from tracekeep.ingest import Options
from tracekeep.last_run import look, read_note
from tracekeep.summary import LayerSummary


def drop(folder: Path, made: Path, seed: int) -> None:
    """Put a small generated day into a folder, all at once."""
    from tracekeep.generator import generate

    generate(made, events=300, seed=seed)
    made.rename(folder / f"day-{seed}")


def test_two_rounds_and_an_end_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deltalake import DeltaTable

    watched = tmp_path / "watched"
    watched.mkdir()
    drop(watched, tmp_path / "made", 1)
    lake = tmp_path / "lake"
    monkeypatch.setenv("TRACEKEEP_LAKE", str(lake))
    process = commands.start("run", watched, "--follow", "--poll-seconds", "1")
    guard = threading.Timer(1200, os.killpg, (process.pid, signal.SIGKILL))
    guard.start()
    lines: list[str] = []
    rounds = []
    for line in process.stderr or []:
        lines.append(line)
        if "tests passed" in line:
            rounds.append(line)
            note = read_note()
            assert note is not None and note.freshness_seconds is not None
            if len(rounds) == 1:
                drop(watched, tmp_path / "made", 2)
            elif len(rounds) == 2:
                os.kill(process.pid, signal.SIGTERM)
    guard.cancel()
    assert process.wait() == 0, "".join(lines)
    assert process.stdout is not None
    books = json.loads(process.stdout.read())
    assert len(rounds) >= 2
    assert all("freshness" in line for line in rounds[:2]), rounds
    assert books["read"] == books["bronze"] + books["rejected"] > 300
    files = DeltaTable(str(lake / "bronze" / "spans")).to_pyarrow_table(columns=["source_file"])
    days = {Path(name).relative_to(watched).parts[0] for name in files["source_file"].to_pylist()}
    assert days == {"day-1", "day-2"}
    note = read_note()
    assert note is not None
    summary: dict[str, LayerSummary] = {layer.layer: layer for layer in note.layers}
    spans = DeltaTable(str(lake / "silver" / "spans")).to_pyarrow_dataset().count_rows()
    logs = DeltaTable(str(lake / "silver" / "log_records")).to_pyarrow_dataset().count_rows()
    assert summary["silver"].events == spans + logs > 300
    assert note.tests_since is not None  # the second round tested the news
    # but for what was held back of the pod logs, all is built
    assert look([], Options(is_live=True)).reason is None
