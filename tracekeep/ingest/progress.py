"""Progress of a load on the console."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SECONDS = 5.0


class Progress:
    """What an ingest has read, at what pace, and about how long the rest takes.

    total_bytes: bytes that all batches of the ingest read, decompressed ones estimated.
    """

    def __init__(self, batches: int, total_bytes: int) -> None:
        self._started = time.monotonic()
        self._batches = batches
        self._batch = 0
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._batch_bytes = 0
        self._done_records = 0
        self._counter: Any = None
        self._tracker: Any = None
        self._tasks = 1

    def start_batch(self, byte_count: int) -> None:
        """Announce the next batch, of about so many bytes."""
        self._batch += 1
        self._batch_bytes = byte_count

    def end_batch(self, record_count: int) -> None:
        """Count a finished batch and say so."""
        self._done_bytes += self._batch_bytes
        self._done_records += record_count
        self._counter, self._batch_bytes = None, 0
        self._print()

    @property
    def counter(self) -> Any:
        """The accumulator that workers add the records of each finished task to."""
        return self._counter

    @contextmanager
    def shown(self, spark: SparkSession, tasks: int) -> Iterator[None]:
        """Print progress every few seconds as long as the block runs, which has so many tasks."""
        self._counter = spark.sparkContext.accumulator(0)
        self._tracker = spark.sparkContext.statusTracker()
        self._tasks = max(1, tasks)
        ended = threading.Event()

        def tell() -> None:
            while not ended.wait(SECONDS):
                self._print()

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()

    def _print(self) -> None:
        seconds = max(time.monotonic() - self._started, 1e-3)
        running = self._counter.value if self._counter is not None else 0
        records = self._done_records + running
        share = self._share()
        left = f", {_duration(seconds / share - seconds)} left" if 0 < share < 1 else ""
        print(
            f"ingest: batch {self._batch} of {self._batches}: {share:.0%}, {records:,} records, "
            f"{records / seconds:,.0f}/s{left}",
            file=sys.stderr,
            flush=True,
        )

    def _share(self) -> float:
        """Share of the bytes that are read, by the finished tasks of the running batch."""
        part = 0.0
        if self._counter is not None:
            stages = [
                self._tracker.getStageInfo(stage)
                for stage in self._tracker.getActiveStageIds()
            ]  # fmt: skip
            part = max((s.numCompletedTasks / self._tasks for s in stages if s), default=0.0)
        done = self._done_bytes + min(part, 1.0) * self._batch_bytes
        return min(done / self._total_bytes, 1.0) if self._total_bytes else 1.0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
