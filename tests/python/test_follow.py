"""`run --follow`: builds whenever something comes, ends when it is told to, keeps what it built."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import commands
import pytest

from tracekeep import run as run_module
from tracekeep.ingest import Options
from tracekeep.last_run import Look, Note, State, look, read_note
from tracekeep.run import Built, _follow, repeat, round_line
from tracekeep.summary import LayerSummary

NOTE = Note(State({}, "/lake", {}), [], [], "build", None, "2026-01-01T10:31:05+00:00")
BOOKS = {"read": 3000, "bronze": 2999, "rejected": 1, "skipped_files": 4, "batches": 1}


def test_rounds_go_on_until_told_and_none_is_cut_short() -> None:
    ended = threading.Event()
    done = []

    def one_round() -> None:
        if len(done) == 2:
            ended.set()
        done.append(len(done))

    repeat(one_round, 0, ended)
    assert done == [0, 1, 2]


def test_round_that_fails_ends_the_command() -> None:
    def one_round() -> None:
        raise RuntimeError("a test failed")

    with pytest.raises(RuntimeError, match="a test failed"):
        repeat(one_round, 0, threading.Event())


def test_line_of_a_round() -> None:
    assert round_line(Built(BOOKS, 31, 23.6, NOTE)) == (
        "10:31:05 3,000 records, Silver and Gold 24 s, 31 tests passed"
    )
    fresh = Note(**{**vars(NOTE), "freshness_seconds": 4242.4, "warned": ["one"]})
    assert round_line(Built(BOOKS, 31, 23.6, fresh)).endswith(
        "31 tests passed, 1 statistics warn, freshness 4,242 s"
    )


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, bool]]:
    """Looks and builds without a lake: the second look finds nothing new, SIGTERM comes while the
    third round builds. Returns reason and `is_full` of each build."""
    reasons: Iterator[str | None] = iter(["a is new", None, "b is new"])
    told: list[tuple[str | None, bool]] = []

    def fake_look(paths: list[Path], options: Options) -> Look:
        assert options.is_live
        return Look(NOTE, NOTE.state, next(reasons), 4)

    def fake_build(
        paths: list[Path], options: Options, seen: Look, is_full: bool, is_quiet: bool
    ) -> Built:
        if told:
            os.kill(os.getpid(), signal.SIGTERM)
        told.append((seen.reason, is_full))
        return Built(BOOKS, 31, 23.6, NOTE)

    monkeypatch.setattr("tracekeep.session.spark_session", lambda **_: None)
    monkeypatch.setattr(run_module, "look", fake_look)
    monkeypatch.setattr(run_module, "build", fake_build)
    return told


@pytest.mark.parametrize("is_full", [False, True])
def test_builds_only_what_is_new_and_ends_after_the_round(
    builds: list[tuple[str | None, bool]], is_full: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    assert _follow(["x"], Options(is_live=True), 0, is_full) == 0
    assert builds == [("a is new", is_full), ("b is new", False)]
    assert signal.getsignal(signal.SIGTERM) == handler
    printed = capsys.readouterr()
    books = json.loads(printed.out)
    assert {name: count for name, count in books.items() if count} == {
        "read": 6000, "bronze": 5998, "rejected": 2, "batches": 2, "skipped_files": 4,
    }  # fmt: skip
    assert printed.err.count("10:31:05 3,000 records") == 2


# ---------------------------------------------------------------- the whole command


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
