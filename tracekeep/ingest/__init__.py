"""`python -m tracekeep ingest`: files into Bronze, exactly once."""

from __future__ import annotations

import argparse
import datetime
import fcntl
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracekeep.lake import lake_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH_FILES = 10_000
BATCH_BYTES = 2 << 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders to read")
    parser.add_argument("--region", help="region of all records; default: cloud.region of each")
    parser.add_argument(
        "--max-files-per-batch",
        type=_positive_number,
        default=BATCH_FILES,
        metavar="N",
        help="files that one ingest batch takes at most (default: %(default)s)",
    )


def _positive_number(text: str) -> int:
    """A whole number from 1 on, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Load the paths; prints the books as one JSON line. Exit 0 only if they add up."""
    from tracekeep.session import spark_session

    try:
        books = ingest(
            spark_session(), arguments.paths, arguments.region, arguments.max_files_per_batch
        )
    except FileNotFoundError as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 2
    print(json.dumps(books))
    return 0 if books["read"] == books["bronze"] + books["rejected"] else 1


def ingest(
    spark: SparkSession,
    paths: Sequence[str | Path],
    region: str | None = None,
    max_files_per_batch: int = BATCH_FILES,
) -> dict[str, int]:
    """Read what is new at or below the paths into Bronze; batches that an earlier run left open
    are finished first.

    Returns the books of this run: read, bronze, rejected (records), spans, log_records, changes,
    files, skipped_files (nothing new in them), batches.
    Raises FileNotFoundError for a path that does not exist, RuntimeError if books do not add up.
    """
    from tracekeep.ingest.ledger import Ledger
    from tracekeep.ingest.load import load_batch
    from tracekeep.ingest.plan import cut_batches, find_files, plan_file

    ledger = Ledger(spark)
    with _one_ingest_at_a_time():
        ledger.create_tables()
        numbers = ledger.open_batches()
        known = ledger.latest_parts()
        found = list(dict.fromkeys(find_files(paths)))
        planned = []
        unreadable = 0
        for path in found:
            try:
                file = plan_file(path, known.get(path))
            except OSError as error:
                print(f"ingest: {path} cannot be read: {error}", file=sys.stderr)
                unreadable += 1
                continue
            if file is not None:
                planned.append(file)
        batches = dict(
            enumerate(
                cut_batches(planned, max_files_per_batch, BATCH_BYTES), ledger.last_batch() + 1
            )
        )
        if batches:
            ledger.store_plan(batches, region, datetime.datetime.now(datetime.UTC))
        started = time.monotonic()
        totals: dict[str, int] = {}
        for number in [*numbers, *batches]:
            for name, count in load_batch(ledger, number, is_repeated=number in numbers).items():
                totals[name] = totals.get(name, 0) + count
            seconds = time.monotonic() - started
            read = totals["read_count"]
            print(
                f"ingest: batch {number}: {read:,} records, {read / seconds:,.0f}/s",
                file=sys.stderr,
            )
    spans, logs, changes = (
        totals.get(f"{name}_count", 0) for name in ("span", "log_record", "change")
    )
    return {
        "read": totals.get("read_count", 0),
        "bronze": spans + logs + changes,
        "rejected": totals.get("rejected_count", 0),
        "spans": spans,
        "log_records": logs,
        "changes": changes,
        "files": totals.get("file_count", 0),
        "skipped_files": len(found) - len(planned) - unreadable,
        "unreadable_files": unreadable,
        "batches": len(numbers) + len(batches),
    }


@contextmanager
def _one_ingest_at_a_time() -> Iterator[None]:
    """Hold the lake's ingest lock; a second ingest waits. The system frees it after a crash."""
    folder = lake_path() / "bronze"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".ingest.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("ingest: waiting for another ingest into this lake", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


__all__ = ["add_arguments", "ingest", "run"]
