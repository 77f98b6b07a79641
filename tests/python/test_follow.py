"""`run --follow`: builds whenever something comes, ends when it is told to, keeps what it built."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracekeep import run as run_module
from tracekeep.ingest import Options
from tracekeep.last_run import Look, Note, State
from tracekeep.run import Built, _follow, repeat, round_line

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
