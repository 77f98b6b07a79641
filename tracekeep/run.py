"""`python -m tracekeep run`: ingest, Silver, Gold and tests in one process."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracekeep.compact import compact
from tracekeep.ingest import (
    Options,
    add_following_arguments,
    add_reading_arguments,
    as_books,
    ingest,
    options_of,
    until_told,
)
from tracekeep.last_run import (
    Look,
    Note,
    look,
    new_bytes,
    newest_gold_build,
    note_path,
    read_tables,
    tests_since,
    write_note,
)
from tracekeep.log_coverage import coverage_of, print_coverage
from tracekeep.summary import layer_summaries, print_layers

LARGE_BYTES = 64 << 20
"""Raw bytes from which a run is long enough for Java's second compiler to pay: see profiles.yml."""
NO_BOOKS = {**as_books(Counter()), "skipped_files": 0, "unreadable_files": 0, "batches": 0}
"""The books of a run that read nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command: those of ingest."""
    parser.description = (
        "Load the paths, build Silver and Gold, test them, and print what each layer holds. Ends "
        "at once if the last run's tests held and nothing has changed since, in the lake, the "
        "project or the paths; else the tests look at what is new since then. Exit code 0: all "
        "tests hold; 1: one does not, or a model failed; 2: a path does not exist."
    )
    add_reading_arguments(parser)
    add_following_arguments(parser)
    parser.add_argument(
        "--full",
        action="store_true",
        help="build also if nothing has changed, and test everything",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from tracekeep.dbt import DbtError

    options = options_of(arguments)
    is_full = getattr(arguments, "full", False)
    try:
        if options.is_live:
            return _follow(arguments.paths, options, arguments.poll_seconds, is_full)
        seen = look(arguments.paths, options)
        if seen.note and seen.reason is None and not is_full:
            _print_nothing_new(seen.note, seen.file_count)
            return 0
        if seen.reason and note_path().exists():
            print(f"Building: {seen.reason}", file=sys.stderr)
        built = build(arguments.paths, options, seen, is_full)
    except FileNotFoundError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    except (DbtError, RuntimeError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    print(f"{built.passed} tests passed", file=sys.stderr)
    _print_layers_of(built.note)
    return 0


def _print_nothing_new(note: Note, file_count: int) -> None:
    print(json.dumps({**NO_BOOKS, "skipped_files": file_count}), flush=True)
    print("Nothing new: all layers are built and their tests held", file=sys.stderr)
    _print_layers_of(note)


def _print_layers_of(note: Note) -> None:
    if note.warned:
        print(f"{len(note.warned)} statistics warn: {', '.join(note.warned)}", file=sys.stderr)
    print_layers(note.layers)
    print_coverage(note.log_coverage)
    print_next_commands()


# ---------------------------------------------------------------- one build


@dataclass(frozen=True)
class Built:
    """A build whose tests held. passed: tests; seconds: Silver and Gold took so long."""

    books: dict[str, int]
    passed: int
    seconds: float
    note: Note


def build(
    paths: Sequence[str | Path],
    options: Options,
    seen: Look,
    is_full: bool = False,
    is_quiet: bool = False,
) -> Built:
    """Load the paths, build all layers, test them, and note that they held.

    The tests look only at what this build changes, if the lake was as the last note says; is_full:
    at everything. is_quiet: no line a step and a model on stderr, no books on stdout.
    Raises FileNotFoundError for a wrong path, DbtError for a model or a test that failed,
    RuntimeError if the books of ingest do not add up. The note stays as it was then: the next
    build finds another lake than it tells of, and tests everything.
    """
    from tracekeep.dbt import dbt
    from tracekeep.freshness import booked_batches, gold_committed_at, newest_event
    from tracekeep.session import spark_session, take_both_compilers

    step = _step if not is_quiet else _silent_step
    if not is_quiet:
        print("Starting Spark", file=sys.stderr)
    if new_bytes(paths, options, LARGE_BYTES) >= LARGE_BYTES:
        take_both_compilers()
    spark = spark_session(hive=True)
    with step("Bronze: ingest"):
        books = ingest(spark, paths, options)
    if not is_quiet:
        print(json.dumps(books), flush=True)
    if books["read"] != books["bronze"] + books["rejected"]:
        raise RuntimeError(f"the books of ingest do not add up: {books}")
    # Before Silver reads it: what another ingest adds from here on is new to the next run.
    tables = read_tables(("bronze",))
    booked, gold_before = booked_batches(), newest_gold_build()
    started = time.monotonic()
    with step("Silver and Gold: dbt run"):
        dbt("run", tells_models=not is_quiet)
        compact()
    seconds = time.monotonic() - started
    gold_build = newest_gold_build()
    # The batches of this build; without a build of Gold they brought no event.
    batches = booked_batches() - booked
    newest = newest_event(batches) if gold_build != gold_before else None
    freshness = newest and (gold_committed_at() - newest).total_seconds()
    tables |= read_tables(("silver", "gold", "control"))
    since = None if is_full else tests_since(seen)
    with step("Tests: dbt test"), _variable("TRACEKEEP_TESTS_SINCE", since or ""):
        results = dbt("test", "--select", "test_type:data").result.results
    warned = [outcome.node.name for outcome in results if outcome.status == "warn"]
    note = Note(
        state=replace(seen.state, tables=tables),
        layers=layer_summaries(),
        warned=warned,
        gold_build=gold_build,
        tests_since=since,
        tests_held_at=_now().isoformat(timespec="seconds"),
        newest_event_at=newest and newest.isoformat(),
        freshness_seconds=freshness,
        log_coverage=coverage_of(spark, batches),
    )
    write_note(note)
    return Built(books, len(results) - len(warned), seconds, note)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for as long as the block runs."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Announce a step on stderr, and how long it took."""
    print(name, file=sys.stderr)
    started = time.monotonic()
    try:
        yield
    finally:
        print(f"  {time.monotonic() - started:.0f} s in all", file=sys.stderr)


@contextmanager
def _silent_step(name: str) -> Iterator[None]:
    yield


# ---------------------------------------------------------------- build after build


def _follow(
    paths: Sequence[str | Path], options: Options, poll_seconds: float, is_full: bool
) -> int:
    """Build whenever there is something new, until SIGTERM or SIGINT; prints the books of all.

    Raises what `build` raises.
    """
    from tracekeep.session import spark_session, take_both_compilers

    print("Starting Spark", file=sys.stderr)
    take_both_compilers()  # its rounds are one long run
    spark_session(hive=True)  # before until_told: Spark takes SIGINT for itself
    totals = Counter(NO_BOOKS)
    is_first = True

    def one_round() -> None:
        nonlocal is_first
        seen = look(paths, options)
        skipped = seen.file_count
        tests_all, is_first = is_full and is_first, False
        if seen.reason or tests_all:
            built = build(paths, options, seen, tests_all, is_quiet=True)
            totals.update(built.books)
            skipped = built.books["skipped_files"]
            print(round_line(built), file=sys.stderr, flush=True)
        totals["skipped_files"] = skipped  # that of the last round, as with `ingest --follow`

    with until_told() as ended:
        repeat(one_round, poll_seconds, ended)
    print(json.dumps(totals))
    return 0


def repeat(one_round: Callable[[], Any], poll_seconds: float, ended: threading.Event) -> None:
    """Do rounds until `ended` is set, with a pause between two; a round is never cut short."""
    while True:
        one_round()
        if ended.wait(poll_seconds):
            return


def round_line(built: Built) -> str:
    """A build in one line: `10:31:05 3,000 records, Silver and Gold 24 s, 31 tests passed, …`."""
    parts = [
        f"{datetime.datetime.fromisoformat(built.note.tests_held_at):%H:%M:%S} "
        f"{built.books['read']:,} records",
        f"Silver and Gold {built.seconds:.0f} s",
        f"{built.passed} tests passed",
    ]
    if built.note.warned:
        parts.append(f"{len(built.note.warned)} statistics warn")
    if built.note.freshness_seconds is not None:
        parts.append(f"freshness {built.note.freshness_seconds:,.0f} s")
    return ", ".join(parts)


def print_next_commands() -> None:
    """Print what to try next."""
    print("""
Next (with .venv/bin on the PATH):
  dbt show --inline "select * from gold.endpoint_minutes order by error_count desc" --limit 10
  dbt docs generate && dbt docs serve --host 127.0.0.1    # lineage and every column
  python -m tracekeep tables                              # versions, rows, bytes of each table
  python -m tracekeep incident --html incident.html       # what broke, down to the raw lines""")
