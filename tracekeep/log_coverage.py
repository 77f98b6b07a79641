"""What the log records of a run lack: levels, services, pods, trace ids; errors among them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOST_SERVICES = 5
_HEADS = ("records", "no level", "like errors", "no service", "no pod", "no trace")


@dataclass(frozen=True)
class ServiceCoverage:
    """Counts of log records of a service in a format; `like_errors` have no level, and words that
    errors have. A row of control.log_coverage."""

    service: str
    source_format: str
    records: int
    without_level: int
    like_errors: int
    without_service: int
    without_pod: int
    without_trace: int


def coverage_of(spark: SparkSession, batches: Collection[int]) -> list[ServiceCoverage]:
    """The services of some ingest batches, those first of which most records look like errors."""
    if not batches:
        return []
    rows = spark.sql(
        "select service, source_format, sum(record_count), sum(without_level_count), "  # noqa: S608 - numbers
        "sum(like_error_count), sum(without_service_count), sum(without_pod_count), "
        f"sum(without_trace_count) from control.log_coverage where ingest_batch in "
        f"({', '.join(map(str, sorted(batches)))}) group by 1, 2 "
        "order by sum(like_error_count) desc, sum(without_level_count) desc, 1, 2"
    ).collect()
    return [ServiceCoverage(*row) for row in rows]


def print_coverage(services: list[ServiceCoverage]) -> None:
    """Print the totals by format, and the services whose errors may have gone unrecognised."""
    if not services:
        return
    totals: dict[str, list[int]] = {}
    for each in services:
        _, name, *counts = astuple(each)
        held = totals.setdefault(name, [0] * len(counts))
        totals[name] = [a + b for a, b in zip(held, counts, strict=True)]
    print(f"\n{'logs':12}", *(f"{head:>12}" for head in _HEADS))
    for name, figures in sorted(totals.items()):
        print(f"{name:12}", *(f"{figure:>12,}" for figure in figures))
    suspects = [each for each in services if each.like_errors]
    for each in suspects[:MOST_SERVICES]:
        print(
            f"  {each.service}: {each.like_errors:,} of {each.records:,} records have no level and "
            "look like errors"
        )
    if len(suspects) > MOST_SERVICES:
        print(f"  and {len(suspects) - MOST_SERVICES} more services: control.log_coverage")
