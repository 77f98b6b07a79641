"""`python -m tracekeep run`: ingest, Silver, Gold and tests in one process."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from tracekeep.ingest import add_reading_arguments, ingest, options_of
from tracekeep.lake import LAYERS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command: those of ingest."""
    add_reading_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load the paths, build all layers, test them, print what each layer holds.

    Exit 0 if the books add up and all invariants hold, 1 if one does not, 2 for a wrong path.
    """
    from tracekeep.dbt import DbtError, dbt
    from tracekeep.session import spark_session

    print("Starting Spark", file=sys.stderr)
    spark = spark_session(hive=True)
    try:
        with _step("Bronze: ingest"):
            books = ingest(spark, arguments.paths, options_of(arguments))
        print(json.dumps(books), flush=True)
        if books["read"] != books["bronze"] + books["rejected"]:
            raise RuntimeError(f"the books of ingest do not add up: {books}")
        with _step("Silver: dbt run --select silver"):
            dbt("run", "--select", "silver")
        with _step("Gold: dbt run --select gold"):
            dbt("run", "--select", "gold")
        with _step("Tests: dbt test"):
            tests = dbt("test", "--select", "test_type:data")
    except FileNotFoundError as error:
        print(f"run: {error}", file=sys.stderr)
        return 2
    except (DbtError, RuntimeError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    results = tests.result.results
    warned = [outcome.node.name for outcome in results if outcome.status == "warn"]
    print(f"{len(results) - len(warned)} tests passed", file=sys.stderr)
    if warned:
        print(f"{len(warned)} statistics warn: {', '.join(warned)}", file=sys.stderr)
    print_layers(layer_summaries(spark))
    print_next_commands()
    return 0


class _step:
    """Announce a step on stderr, and how long it took."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        print(self.name, file=sys.stderr)
        self.started = time.monotonic()

    def __exit__(self, *failure: object) -> None:
        print(f"  {time.monotonic() - self.started:.0f} s in all", file=sys.stderr)


HEADS = ("events", "rejected", "duplicates", "errors in", "errors kept", "rows", "bytes")


@dataclass(frozen=True)
class LayerSummary:
    """What one layer holds; None where a figure has no meaning in that layer."""

    layer: str
    events: int
    rejected: int | None
    duplicates: int | None
    error_events_in: int
    error_events_kept: int
    rows: int
    bytes: int


def layer_summaries(spark: SparkSession) -> list[LayerSummary]:
    """Figures of Bronze, Silver and Gold from the books and the error tables.

    Error events in: those of the layer below (of Bronze: its own, deduplicated); kept: those that
    the layer holds. The retention tests compare them event by event; these are the totals.
    """
    from tracekeep.tables import lake_tables

    tables = lake_tables()
    rows = {layer: sum(t.rows for t in tables if t.layer == layer) for layer in LAYERS}
    sizes = {layer: sum(t.bytes for t in tables if t.layer == layer) for layer in LAYERS}
    books = spark.sql("""
        select
            coalesce(sum(bronze_span_count + bronze_log_record_count), 0) as bronze,
            coalesce(sum(span_count + log_record_count), 0) as silver,
            coalesce(sum(rejected_count), 0) as rejected,
            coalesce(sum(duplicate_span_count + duplicate_log_record_count), 0) as duplicates
        from silver.batch_books
    """).first()
    errors = spark.sql("""
        select
            (select count(*) from silver.stg_error_events) as bronze,
            (select count(*) from silver.error_events) as silver,
            (select count(*) from gold.error_events) as gold,
            (select count(*) from gold.sampled_spans)
            + (select count(*) from gold.sampled_log_records) as sampled_events
    """).first()
    return [
        LayerSummary(
            "bronze", books.bronze, books.rejected, None, errors.bronze, errors.bronze,
            rows["bronze"], sizes["bronze"],
        ),
        LayerSummary(
            "silver", books.silver, None, books.duplicates, errors.bronze, errors.silver,
            rows["silver"], sizes["silver"],
        ),
        LayerSummary(
            "gold", errors.sampled_events, None, None, errors.silver, errors.gold,
            rows["gold"], sizes["gold"],
        ),
    ]  # fmt: skip


def print_layers(layers: list[LayerSummary]) -> None:
    """Print the figures as an aligned table."""
    print(f"\n{'layer':8}", *(f"{head:>12}" for head in HEADS))
    for summary in layers:
        layer, *figures = astuple(summary)
        shown = ("-" if figure is None else f"{figure:,}" for figure in figures)
        print(f"{layer:8}", *(f"{figure:>12}" for figure in shown))


def print_next_commands() -> None:
    """Print what to try next."""
    print("""
Next (with .venv/bin on the PATH):
  dbt show --inline "select * from gold.endpoint_minutes order by error_count desc" --limit 10
  dbt docs generate && dbt docs serve --host 127.0.0.1    # lineage and every column
  python -m tracekeep tables                              # versions, rows, bytes of each table
  python -m tracekeep incident --html incident.html       # what broke, down to the raw lines""")
