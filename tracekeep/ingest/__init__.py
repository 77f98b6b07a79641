"""`python -m tracekeep ingest`: files and Kafka topics into Bronze, exactly once."""

from __future__ import annotations

import argparse
import datetime
import fcntl
import json
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekeep.lake import state_path
from tracekeep.readers.files import POD_LOG
from tracekeep.readers.formats import FORMATS as JSON_FORMATS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tracekeep.ingest.plan import PlannedFile

BATCH_FILES = 10_000
BATCH_BYTES = 2 << 30
POLL_SECONDS = 10.0
FORMATS = (*JSON_FORMATS, POD_LOG)


@dataclass(frozen=True)
class Options:
    """How an ingest reads.

    region: of all records; None: `cloud.region` of each. named_format: one of FORMATS; None: by
    content. is_live: the files are still written to, so what has no end yet is held back.
    """

    region: str | None = None
    named_format: str | None = None
    max_files_per_batch: int = BATCH_FILES
    is_live: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    add_reading_arguments(parser)
    add_following_arguments(parser)
    parser.add_argument(
        "--kafka",
        metavar="SERVERS",
        help="read Kafka topics instead of files: bootstrap servers as host:port,host:port",
    )
    parser.add_argument(
        "--topics", metavar="NAMES", help="topics to read with --kafka, separated by commas"
    )


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what is read and how; other commands that ingest take them too."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders to read")
    parser.add_argument("--region", help="region of all records; default: cloud.region of each")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="format of all files; default: by the content of each",
    )
    parser.add_argument(
        "--max-files-per-batch",
        type=_positive_number,
        default=BATCH_FILES,
        metavar="N",
        help="files that one ingest batch takes at most (default: %(default)s)",
    )


def add_following_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of a command that can go on as long as files are written."""
    parser.add_argument(
        "--follow",
        action="store_true",
        help="go on reading what is appended or new until the process is told to end (SIGTERM, "
        "Ctrl-C); lines and records that have no end yet wait for it",
    )
    parser.add_argument(
        "--poll-seconds",
        type=float,
        default=POLL_SECONDS,
        metavar="S",
        help="pause between two looks at the files with --follow (default: %(default)s)",
    )


def options_of(arguments: argparse.Namespace) -> Options:
    """The options that a command line names."""
    return Options(
        region=arguments.region,
        named_format=arguments.format,
        max_files_per_batch=arguments.max_files_per_batch,
        is_live=getattr(arguments, "follow", False),
    )


def _positive_number(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Load the paths or topics; prints the books as one JSON line.

    Exit 0 only if they add up; 1 if a batch failed (it is finished by the next ingest), 2 for a
    wrong path or argument.
    """
    from tracekeep.session import spark_session

    if bool(arguments.kafka) != bool(arguments.topics) or (arguments.kafka and arguments.paths):
        print("ingest: --kafka needs --topics, and no paths beside it", file=sys.stderr)
        return 2
    options = options_of(arguments)
    try:
        if arguments.kafka:
            from tracekeep.ingest.kafka import ingest_topics, kafka_session

            topics = arguments.topics.split(",")
            with until_told() as ended:
                books = ingest_topics(
                    kafka_session(), arguments.kafka, topics, options,
                    arguments.poll_seconds if arguments.follow else None, ended,
                )  # fmt: skip
        elif arguments.follow:
            with until_told() as ended:
                books = follow(
                    spark_session(), arguments.paths, options, arguments.poll_seconds, ended
                )
        else:
            books = ingest(spark_session(), arguments.paths, options)
    except FileNotFoundError as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        from pyspark.errors import PySparkException

        if not isinstance(error, OSError | RuntimeError | PySparkException):
            raise
        print(f"ingest: {_cause_of(error)}", file=sys.stderr)
        print(
            "ingest: nothing is lost: the batch is planned, and the next ingest finishes it first",
            file=sys.stderr,
        )
        return 1
    print(json.dumps(books))
    return 0 if books["read"] == books["bronze"] + books["rejected"] else 1


def _cause_of(error: Exception) -> str:
    """What a failed worker said, without the traces around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("OSError", "PermissionError", "pyarrow."))]
    return told[-1] if told else lines[0] if lines else type(error).__name__


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set: what runs is finished, then the command ends.

    A Spark session that is opened inside takes SIGINT for itself: open it before.
    """
    ended = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ingest(
    spark: SparkSession, paths: Sequence[str | Path], options: Options | None = None
) -> dict[str, int]:
    """Read what is new at or below the paths into Bronze; batches that an earlier run left open
    are finished first.

    Returns the books of this run: read, bronze, rejected (records), spans, log_records, changes,
    files, skipped_files (nothing new in them), unreadable_files, batches.
    Raises FileNotFoundError for a path that does not exist, pyspark's error if a worker failed.
    """
    from tracekeep.ingest.ledger import Ledger
    from tracekeep.ingest.plan import cut_batches, find_files

    options = options or Options()
    ledger = Ledger(spark)
    with one_ingest_at_a_time():
        ledger.create_tables()
        open_batches = ledger.open_batches()
        found = list(dict.fromkeys(find_files(paths)))
        planned, unreadable = _planned(ledger, found, options)
        batches = dict(
            enumerate(
                cut_batches(planned, options.max_files_per_batch, BATCH_BYTES),
                ledger.last_batch() + 1,
            )
        )
        if batches:
            ledger.store_plan(batches, options.region, datetime.datetime.now(datetime.UTC))
        totals = _load(ledger, open_batches, list(batches))
    return {
        **as_books(totals),
        "skipped_files": len(found) - len(planned) - unreadable,
        "unreadable_files": unreadable,
        "batches": len(open_batches) + len(batches),
    }


def _planned(ledger: Any, found: list[str], options: Options) -> tuple[list[PlannedFile], int]:
    """What of the files is to be read, and how many could not be opened."""
    from tracekeep.ingest.plan import Planner

    planner = Planner(ledger.latest_parts(), found, options.named_format, options.is_live)
    planned = []
    unreadable = 0
    for path in found:
        try:
            file = planner.plan(path)
        except OSError as error:
            print(f"ingest: {path!r} cannot be read: {error}", file=sys.stderr)
            unreadable += 1
            continue
        if file is not None:
            planned.append(file)
    return planned, unreadable


def _load(ledger: Any, repeated: list[int], new: list[int]) -> Counter[str]:
    from tracekeep.ingest.load import load_batch, plan_bytes
    from tracekeep.ingest.progress import Progress

    sizes = {batch: plan_bytes(ledger, batch) for batch in [*repeated, *new]}
    progress = Progress(len(sizes), sum(sizes.values()))
    totals: Counter[str] = Counter()
    for batch, size in sizes.items():
        progress.start_batch(size)
        books = load_batch(ledger, batch, progress, is_repeated=batch in repeated)
        progress.end_batch(books["read_count"])
        totals.update(books)
    return totals


def as_books(totals: Counter[str]) -> dict[str, int]:
    """The books of loaded batches in the words of the command."""
    spans, logs, changes = (
        totals[f"{name}_count"] for name in ("span", "log_record", "change")
    )  # fmt: skip
    return {
        "read": totals["read_count"],
        "bronze": spans + logs + changes,
        "rejected": totals["rejected_count"],
        "spans": spans,
        "log_records": logs,
        "changes": changes,
        "files": totals["file_count"],
    }


def follow(
    spark: SparkSession,
    paths: Sequence[str | Path],
    options: Options,
    poll_seconds: float,
    ended: threading.Event,
) -> dict[str, int]:
    """Ingest again and again until `ended` is set; returns the books of all rounds.

    `skipped_files` is that of the last round. The lake's lock is free between two rounds.
    """
    totals: Counter[str] = Counter()
    skipped = 0
    while True:
        books = ingest(spark, paths, options)
        skipped = books.pop("skipped_files")
        totals.update(books)
        if ended.wait(poll_seconds):
            return {**totals, "skipped_files": skipped}


@contextmanager
def one_ingest_at_a_time() -> Iterator[None]:
    """Hold the lake's ingest lock; a second ingest waits. The system frees it after a crash."""
    folder = state_path() / "bronze"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".ingest.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("ingest: waiting for another ingest into this lake", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


__all__ = [
    "FORMATS", "Options", "add_arguments", "add_following_arguments", "add_reading_arguments",
    "as_books", "follow", "ingest",
    "one_ingest_at_a_time", "options_of", "run", "until_told",
]  # fmt: skip
