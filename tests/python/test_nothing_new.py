"""A run with nothing new ends at once, and one with anything new does not; without Spark."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from deltalake import write_deltalake
from right_lakes import as_table

from tracekeep import last_run
from tracekeep.dbt import DbtError
from tracekeep.ingest import Options
from tracekeep.lake import PROJECT, lake_path
from tracekeep.last_run import Note, look, project_hashes, read_note, read_state, write_note
from tracekeep.log_coverage import ServiceCoverage
from tracekeep.run import Built, build
from tracekeep.summary import LayerSummary

LAYERS = [
    LayerSummary("bronze", 3, 0, None, None, None, 3, 30),
    LayerSummary("silver", 3, None, 0, 1, 1, 3, 30),
    LayerSummary("gold", 3, None, None, 1, 1, 3, 30),
]
LINE = '{"resourceSpans": []}\n'
TESTED_BUILD = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-aaaaaaaa"


def write(lake: Path, table: str, *rows: dict[str, object]) -> None:
    write_deltalake(str(lake.joinpath(*table.split("."))), as_table(list(rows)), mode="append")


def plan(lake: Path, batch: int, file: Path | str, source_format: str = "json_lines") -> None:
    """Note a file as planned, as far as it goes."""
    from tracekeep.readers.files import fingerprint_of

    size = Path(file).stat().st_size if file else 0
    part = {
        "source_file": str(file), "source_format": source_format, "named_format": "otlp",
        "compression": "none", "fingerprint": fingerprint_of(str(file), size, size) if file else "",
        "fingerprint_bytes": size, "from_position": 0, "to_position": size,
        "previous_file": "", "is_continued": False,
        "modified_at_unix_nano": Path(file).stat().st_mtime_ns if file else 0,
        "ingest_batch": batch,
    }  # fmt: skip
    write(lake, "bronze.ingest_files", part)


def note_of(state: last_run.State) -> Note:
    return Note(state, LAYERS, ["a_statistic"], TESTED_BUILD, None, "2026-01-01T00:00:00+00:00")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what decides what a run makes; the fingerprint is taken of it."""
    root = tmp_path / "project"
    for folder in ("models", "macros", "tests", "tracekeep"):
        shutil.copytree(PROJECT / folder, root / folder)
    for name in last_run._FILES:
        shutil.copy(PROJECT / name, root)
    monkeypatch.setattr(last_run, "project_hashes", lambda: project_hashes(root))
    return root


@pytest.fixture
def lake(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny lake with the note of a run; what that run read is `<tmp>/input`."""
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path / "lake"))
    lake = lake_path()
    file = tmp_path / "input" / "a.jsonl"
    file.parent.mkdir()
    file.write_text(LINE, encoding="utf-8")
    plan(lake, 1, file)
    write(lake, "bronze.ingest_batches", {"ingest_batch": 1})
    write(lake, "silver.spans", {"trace_id": "a"})
    write(lake, "gold.build_versions", {"build_id": TESTED_BUILD})
    write(lake, "control.batch_books", {"ingest_batch": 1})
    (lake / "metastore").mkdir()
    write_note(note_of(read_state()))
    return lake


def seen(lake: Path, **options: bool) -> last_run.Look:
    return look([lake.parent / "input"], Options(**options))


def reason(lake: Path) -> str | None:
    return seen(lake).reason


def append_to(name: str) -> Callable[[Path, Path], None]:
    def change(lake: Path, project: Path) -> None:
        with open(project / name, "a", encoding="utf-8") as file:
            file.write("\n-- more\n")

    return change


def other_history(lake: Path, project: Path) -> None:
    shutil.rmtree(lake / "silver" / "spans")
    write(lake, "silver.spans", {"trace_id": "b"})


def grown(lake: Path, project: Path) -> None:
    with open(lake.parent / "input" / "a.jsonl", "a", encoding="utf-8") as file:
        file.write(LINE)


def new_file(lake: Path, project: Path) -> None:
    (lake.parent / "input" / "b.jsonl").write_text(LINE, encoding="utf-8")


def unreadable(lake: Path, project: Path) -> None:
    (lake.parent / "input" / "gone.jsonl").symlink_to("nowhere")


def open_batch(source_format: str) -> Callable[[Path, Path], None]:
    """A planned batch whose books are not closed, known to the note."""

    def change(lake: Path, project: Path) -> None:
        plan(lake, 2, "", source_format)
        write_note(note_of(read_state()))

    return change


REASONS: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "a changed model": (
        append_to("models/silver/spans.sql"),
        "models/silver/spans.sql has changed",
    ),
    "a changed macro": (
        append_to("macros/schemas/lake_path.sql"),
        "macros/schemas/lake_path.sql has changed",
    ),
    "a changed test": (
        append_to("tests/conservation/silver_books_add_up.sql"),
        "tests/conservation/silver_books_add_up.sql has changed",
    ),
    "a changed variable": (append_to("dbt_project.yml"), "dbt_project.yml has changed"),
    "a new macro": (
        lambda lake, project: (project / "macros" / "new.sql").write_text("-- x"),
        "macros/new.sql is new",
    ),
    "a macro less": (
        lambda lake, project: (project / "macros" / "schemas" / "lake_path.sql").unlink(),
        "macros/schemas/lake_path.sql is gone",
    ),
    "another version": (
        lambda lake, project: write(lake, "silver.spans", {"trace_id": "b"}),
        "silver.spans has version 1, not 0 as after the last run",
    ),
    "another history": (other_history, "version 0 of silver.spans is not that of the last run"),
    "a new table": (
        lambda lake, project: write(lake, "control.more", {"a": 1}),
        "the table control.more is new",
    ),
    "a lost table": (
        lambda lake, project: shutil.rmtree(lake / "silver" / "spans"),
        "the table silver.spans is gone",
    ),
    "an open batch": (open_batch("json_lines"), "ingest batch 2 is not finished"),
    "an open replay": (open_batch("rejected_records"), "ingest batch 2 is not finished"),
    "an open erasure": (open_batch("erasure"), "ingest batch 2 is not finished"),
    "a new file": (new_file, "b.jsonl is new or has grown"),
    "a grown file": (grown, "a.jsonl is new or has grown"),
    "an unreadable file": (unreadable, "gone.jsonl cannot be read"),
    "no note": (
        lambda lake, project: last_run.note_path().unlink(),
        "last_run.json is missing or damaged",
    ),
    "half a note": (
        lambda lake, project: last_run.note_path().write_text('{"state": {"proj'),
        "last_run.json is missing or damaged",
    ),
    "another note": (
        lambda lake, project: last_run.note_path().write_text('{"state": [1], "layers": 3}'),
        "last_run.json is missing or damaged",
    ),
    "no metastore": (
        lambda lake, project: (lake / "metastore").rmdir(),
        "the metastore is missing",
    ),
}  # fmt: skip


def test_lake_as_it_was_left_needs_no_build(lake: Path) -> None:
    found = seen(lake)
    assert (found.reason, found.file_count) == (None, 1)
    assert read_note() == found.note == note_of(found.state)


@pytest.mark.parametrize("case", REASONS)
def test_reason_to_build(lake: Path, project: Path, case: str) -> None:
    change, told = REASONS[case]
    change(lake, project)
    assert (reason(lake) or "").endswith(told)


def test_changed_python_is_a_reason_for_the_next_process(lake: Path, project: Path) -> None:
    append_to("tracekeep/run.py")(lake, project)
    assert reason(lake) is None
    last_run._python_hashes.cache_clear()
    assert reason(lake) == "tracekeep/run.py has changed"


def test_changed_environment_is_a_reason(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACEKEEP_DRIVER_MEMORY", "TRACEKEEP_JAVA_OPTIONS", "TRACEKEEP_TESTS_SINCE"):
        monkeypatch.setenv(name, "other")
        assert reason(lake) is None
    monkeypatch.setenv("DBT_TARGET", "other")
    assert reason(lake) == "$DBT_TARGET is new"
    write_note(note_of(read_state()))
    monkeypatch.setenv("DBT_TARGET", "third")
    assert reason(lake) == "$DBT_TARGET has changed"
    assert "third" not in last_run.note_path().read_text(encoding="utf-8")


def test_moved_lake_is_a_reason(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.rename(lake.with_name("moved"))
    monkeypatch.setenv("TRACEKEEP_LAKE", str(lake.with_name("moved")))
    assert reason(lake_path()) == f"the lake was at {lake} in the last run"


def test_process_that_follows_does_not_build_for_what_it_cannot_change(
    lake: Path, project: Path
) -> None:
    unreadable(lake, project)
    open_batch("kafka")(lake, project)
    assert seen(lake, is_live=True).reason is None
    open_batch("json_lines")(lake, project)
    assert seen(lake, is_live=True).reason


def test_tests_begin_after_the_build_of_the_note(lake: Path, project: Path) -> None:
    write(lake, "bronze.spans", {"trace_id": "new"})
    new_file(lake, project)
    found = seen(lake)
    assert found.reason and last_run.tests_since(found) == TESTED_BUILD
    assert last_run.tests_since(replace(found, note=None)) is None


@pytest.mark.parametrize("change", [append_to("macros/schemas/lake_path.sql"), other_history])
def test_tests_look_at_everything_when_the_note_is_of_something_else(
    lake: Path, project: Path, change: Callable[[Path, Path], None]
) -> None:
    change(lake, project)
    assert last_run.tests_since(seen(lake)) is None


def test_missing_path_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tracekeep.run import run

    paths = [lake / "no-such"]
    arguments = argparse.Namespace(
        paths=paths, region=None, format=None, max_files_per_batch=1, full=False
    )
    assert run(arguments) == 2
    assert "run: no such file or folder: " in capsys.readouterr().err


def test_command_ends_without_spark_and_dbt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path / "lake"))
    file = tmp_path / "a.jsonl"
    file.write_text(LINE, encoding="utf-8")
    plan(lake_path(), 1, file)
    write(lake_path(), "bronze.ingest_batches", {"ingest_batch": 1})
    (lake_path() / "metastore").mkdir()
    last_run._python_hashes.cache_clear()
    write_note(note_of(read_state()))
    program = (
        "import sys; from tracekeep.__main__ import main; code = main(sys.argv[1:]); "
        "assert not {'pyspark', 'dbt'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run(  # noqa: S603 - the arguments are the tests' own
        [sys.executable, "-c", program, "run", str(file)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Nothing new: all layers are built and their tests held" in done.stderr
    assert "1 statistics warn: a_statistic" in done.stderr
    books, *lines = done.stdout.splitlines()
    assert json.loads(books) == {
        "read": 0, "bronze": 0, "rejected": 0, "spans": 0, "log_records": 0, "changes": 0,
        "files": 0, "skipped_files": 1, "unreadable_files": 0, "batches": 0,
    }  # fmt: skip
    assert [line.split()[0] for line in lines[1:5]] == ["layer", "bronze", "silver", "gold"]
    assert "dbt docs generate" in done.stdout


# ---------------------------------------------------------------- what a build notes


class Outcome:
    """A result of dbt, as far as a run looks at it."""

    def __init__(self, *tests: tuple[str, str]) -> None:
        self.result = self
        self.results = [
            SimpleNamespace(node=SimpleNamespace(name=name), status=status)
            for name, status in tests
        ]


@pytest.fixture
def commands(lake: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Ingest, dbt and Spark replaced: a build of Gold in each dbt run. Returns the dbt commands and
    what TRACEKEEP_TESTS_SINCE was in each."""
    told: list[tuple[str, str | None]] = []

    def dbt(command: str, *_: str, tells_models: bool = True) -> Outcome:
        told.append((command, os.environ.get("TRACEKEEP_TESTS_SINCE")))
        if command == "run":
            write(lake, "gold.build_versions", {"build_id": f"build-{2 + len(told)}"})
            write(lake, "control.batch_books", {"ingest_batch": 2})
            bring(lake, 3, 4000)  # another ingest, meanwhile
        elif (lake / "fails").exists():
            failure: Any = SimpleNamespace(result=None, exception="a test")
            raise DbtError("test", failure)
        return Outcome(("one", "pass"), ("two", "pass"), ("three", "warn"))

    books = {"read": 2, "bronze": 2, "rejected": 0, "skipped_files": 1}
    monkeypatch.setattr("tracekeep.dbt.dbt", dbt)
    monkeypatch.setattr("tracekeep.session.spark_session", lambda **_: None)
    monkeypatch.setattr("tracekeep.run.ingest", lambda *_: take_batch(lake) or books)
    monkeypatch.setattr("tracekeep.run.layer_summaries", lambda: LAYERS)
    monkeypatch.setattr("tracekeep.run.coverage_of", lambda _, batches: coverage(*batches))
    return told


def coverage(*batches: int) -> list[ServiceCoverage]:
    """A row a batch, with its number as the count."""
    return [ServiceCoverage("pay", "pod_log", batch, 1, 1, 0, 0, 0) for batch in batches]


def bring(lake: Path, batch: int, seconds: int) -> None:
    row = {"ingest_batch": batch, "start_time_unix_nano": seconds * 10**9, "trace_id": "a"}
    write(lake, "bronze.spans", row)


def take_batch(lake: Path) -> None:
    """Batch 2 with events of 1000 and 2000 s, beside batch 1 with one of 3000 s."""
    for batch, seconds in ((2, 1000), (2, 2000), (1, 3000)):
        bring(lake, batch, seconds)
    write(lake, "bronze.log_records", {"ingest_batch": 1, "time_unix_nano": 5000 * 10**9})


def built(lake: Path, is_full: bool = False) -> Built:
    return build([lake.parent / "input"], Options(), seen(lake), is_full, is_quiet=True)


def test_build_tests_the_news_and_notes_what_it_left(
    lake: Path, commands: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKEEP_TESTS_SINCE", "of the shell")
    before = read_state()
    outcome = built(lake)
    assert commands == [("run", "of the shell"), ("test", TESTED_BUILD)]
    assert os.environ["TRACEKEEP_TESTS_SINCE"] == "of the shell"
    note = read_note()
    assert note == outcome.note
    assert (note.tests_since, note.gold_build, note.warned) == (TESTED_BUILD, "build-3", ["three"])
    assert outcome.passed == 2
    assert note.log_coverage == coverage(2)
    assert note.newest_event_at == "1970-01-01T00:33:20+00:00"
    assert note.freshness_seconds == pytest.approx(time.time() - 2000, abs=60)
    assert note.state.tables["gold.build_versions"] != before.tables["gold.build_versions"]
    # what another ingest brought while Silver was built is news to the next run
    assert reason(lake) == "bronze.spans has version 3, not 2 as after the last run"


def test_full_build_tests_everything(lake: Path, commands: list[tuple[str, str | None]]) -> None:
    outcome = built(lake, is_full=True)
    assert commands[1] == ("test", "")
    assert outcome.note.tests_since is None
    assert "TRACEKEEP_TESTS_SINCE" not in os.environ


def test_failed_test_leaves_the_note_so_that_the_next_run_tests_everything(
    lake: Path, commands: list[tuple[str, str | None]]
) -> None:
    note = read_note()
    (lake / "fails").touch()
    with pytest.raises(DbtError):
        built(lake)
    assert read_note() == note
    (lake / "fails").unlink()
    built(lake)
    assert [since for command, since in commands if command == "test"] == [TESTED_BUILD, ""]


def test_books_that_do_not_add_up_build_nothing(
    lake: Path, commands: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    books = {"read": 2, "bronze": 1, "rejected": 0}
    monkeypatch.setattr("tracekeep.run.ingest", lambda *_: books)
    with pytest.raises(RuntimeError, match="do not add up"):
        built(lake)
    assert not commands
