"""Loading one planned batch into the Bronze tables."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from tracekeep.erased_ids import read_erased_ids
from tracekeep.ingest.commit import commit_files
from tracekeep.ingest.ledger import Ledger
from tracekeep.ingest.plan import cut_tasks, task_bytes
from tracekeep.ingest.progress import Progress
from tracekeep.ingest.write import BronzeWriter, Stamp, WrittenFile
from tracekeep.readers.files import Piece, read_piece
from tracekeep.readers.records import TABLES, Record

if TYPE_CHECKING:
    from pyspark.accumulators import Accumulator
    from pyspark.sql import DataFrame, SparkSession

WRITTEN = "table string, path string, row_count bigint, byte_count bigint, stats string"
Task = TypeVar("Task")


def load_batch(
    ledger: Ledger, batch: int, progress: Progress, is_repeated: bool = False
) -> dict[str, int]:
    """Load a planned batch and close its books; returns them.

    Safe to repeat after a crash anywhere: the plan is stored, each table takes the batch once.
    Where a file was changed or removed before the repetition, the books say what the tables hold.
    """
    parts, stamp = ledger.read_plan(batch)
    tasks = cut_tasks(parts, ledger.spark.sparkContext.defaultParallelism)
    files = write_tasks(ledger.spark, tasks, piece_records, stamp, progress)
    return commit_batch(ledger, stamp, files, "files", len(parts), is_repeated)


def plan_bytes(ledger: Ledger, batch: int) -> int:
    """About how many bytes a planned batch reads."""
    return sum(map(task_bytes, ledger.read_plan(batch)[0]))


def piece_records(pieces: list[Piece]) -> Iterator[Record]:
    """Records of one task with the place that each came from."""
    for piece in pieces:
        for position, index, record in read_piece(piece):
            record.setdefault("source_file", piece.part.source_file)
            record.setdefault("source_format", piece.part.source_format)
            record["source_position"] = position
            record["source_index"] = index
            yield record


def write_tasks(
    spark: SparkSession,
    tasks: Sequence[Task],
    read: Callable[[Task], Iterator[Record]],
    stamp: Stamp,
    progress: Progress,
) -> list[WrittenFile]:
    """Read each task in a Python worker and write its records; one Spark task each.

    Raises pyspark's error if a worker failed, with the worker's own in its text.
    """

    def records(numbers: pa.RecordBatch) -> Iterator[Record]:
        for number in numbers.column(0).to_pylist():
            yield from read(tasks[number])

    frame = spark.range(0, len(tasks), 1, max(1, len(tasks)))
    with progress.shown(spark, len(tasks)):
        return write_records(frame, records, stamp, progress.counter)


def write_records(
    frame: DataFrame,
    records: Callable[[pa.RecordBatch], Iterator[Record]],
    stamp: Stamp,
    counter: Accumulator[int],
) -> list[WrittenFile]:
    """Write the records that come out of a frame's rows: at most one file a table and task."""
    erased = read_erased_ids()

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        writer = BronzeWriter(stamp, erased)
        for rows in batches:
            for record in records(rows):
                writer.add(record)
        files = writer.close()
        counter.add(sum(file.row_count for file in files))
        yield as_arrow(files)

    return [WrittenFile(*row) for row in frame.mapInArrow(work, WRITTEN).collect()]


def as_arrow(files: list[WrittenFile]) -> pa.RecordBatch:
    """Written files as rows of the schema WRITTEN."""
    names = WrittenFile.__dataclass_fields__
    kinds = {"row_count": pa.int64(), "byte_count": pa.int64()}
    return pa.RecordBatch.from_arrays(
        [
            pa.array([getattr(file, name) for file in files], kinds.get(name, pa.string()))
            for name in names
        ],
        list(names),
    )


def commit_batch(
    ledger: Ledger,
    stamp: Stamp,
    files: list[WrittenFile],
    source: str,
    file_count: int,
    is_repeated: bool,
    before_books: Callable[[], None] = lambda: None,
) -> dict[str, int]:
    """Commit a batch's files table by table, then its books; returns them.

    source: whose batches are loaded in order: files, replays, or one stream of Kafka's.
    before_books: what else has to be done, and may be done again, before the batch is closed.
    """
    batch = stamp.ingest_batch
    met = Counter({table: 0 for table in TABLES})
    held = Counter()
    for table in TABLES:
        written = [file for file in files if file.table == table]
        met[table] = sum(file.row_count for file in written)
        # An earlier try may have committed the table: then its rows count, not those written now.
        is_new = bool(written) and commit_files(ledger.spark, table, written, source, batch)
        known = not is_repeated and (is_new or not written)
        held[table] = met[table] if known else ledger.held_rows(table, batch)
    if held != met:
        print(
            f"ingest: batch {batch}: a file changed after the try that was cut short: the readers "
            f"met {dict(met)}, the tables hold {dict(held)}",
            file=sys.stderr,
        )
    books = {
        "file_count": file_count,
        "read_count": held.total(),
        "span_count": held["spans"],
        "log_record_count": held["log_records"],
        "change_count": held["changes"],
        "rejected_count": held["rejected_records"],
    }
    before_books()
    ledger.commit_batch(stamp, books, source)
    return books
