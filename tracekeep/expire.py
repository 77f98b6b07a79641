"""`python -m tracekeep expire`: remove what each layer has kept long enough, and say what went."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracekeep.tables import LakeTable

OK, FAILED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Remove the days that each layer has kept for long enough (variables *_retention_days in "
        "dbt_project.yml), rows and files, old versions included; set the windows of time travel "
        "(*_travel_days) and remove the versions beyond them. Days that Gold has not taken yet "
        "stay. Bronze goes by arrival, Silver and Gold by event. control.expired_days lists what "
        "went. Ends with the rows and bytes on disk of each table before and after. "
        "May be cut short and run again, and runs beside ingest; must not run beside dbt. Exit "
        "code 0: done; 1: a statement failed, or a run of Silver is not finished."
    )
    parser.add_argument("--dry-run", action="store_true", help="only tell what would go")
    parser.add_argument(
        "--now",
        type=datetime.datetime.fromisoformat,
        metavar="TIME",
        help="ISO time to take for the present, UTC unless it names a zone (default: the clock)",
    )
    parser.add_argument(
        "--vars",
        default="{}",
        metavar="YAML",
        help="variables of dbt, as the layers are built with, and other days to keep",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from pyspark.errors import PySparkException

    from tracekeep.dbt import DbtError
    from tracekeep.session import spark_session
    from tracekeep.tables import lake_tables

    spark_session(hive=True)
    before = lake_tables()
    try:
        expire(arguments.now, arguments.dry_run, arguments.vars)
    except (DbtError, PySparkException) as error:
        print(f"expire: {error}", file=sys.stderr)
        return FAILED
    if not arguments.dry_run:
        _print_difference(before, lake_tables())
    return OK


def expire(
    now: datetime.datetime | None = None, dry_run: bool = False, variables: str = "{}"
) -> None:
    """Expire all layers in the open session, as `dbt run-operation expire_layers` does.

    now: taken for the present. variables: dbt's, YAML. Raises DbtError or PySparkException if a
    statement fails; DbtError if a Silver run is unfinished.
    """
    from tracekeep.dbt import dbt

    arguments = {"now": now and now.isoformat(), "dry_run": dry_run, "vacuum": False}
    own = ("--vars", variables)
    dbt("run-operation", "expire_layers", "--args", json.dumps(arguments), *own)
    if not dry_run:
        _vacuum()
        # the views of what Bronze holds go by the days that have expired
        dbt("run", "--select", *VIEWS, *own)


def _vacuum() -> None:
    """Remove the files of versions beyond time travel, from some tables at once: a VACUUM of a
    small table waits more than it works."""
    from tracekeep.session import spark_session
    from tracekeep.tables import lake_tables

    spark = spark_session(hive=True)
    # else each VACUUM commits twice, also where there is nothing to remove
    spark.conf.set("spark.databricks.delta.vacuum.logging.enabled", "false")
    statements = [f"vacuum {table.name}" for table in lake_tables()]
    with ThreadPoolExecutor(VACUUMS_AT_ONCE) as pool:
        list(pool.map(spark.sql, statements))


VACUUMS_AT_ONCE = 4
VIEWS = ("stg_expired_arrivals", "stg_late_error_events")


def _print_difference(before: Sequence[LakeTable], after: Sequence[LakeTable]) -> None:
    """Print rows and bytes on disk of each table that has changed, and of all."""
    held = {table.name: table for table in before}
    print(f"{'table':36} {'rows':>12} {'rows after':>12} {'on disk':>14} {'after':>14}")
    for table in after:
        old = held.get(table.name, table)
        if (old.rows, old.bytes_on_disk) != (table.rows, table.bytes_on_disk):
            print(_line(table.name, [old], [table]))
    print(_line("all", before, after))


def _line(name: str, before: Sequence[LakeTable], after: Sequence[LakeTable]) -> str:
    rows = [sum(table.rows for table in tables) for tables in (before, after)]
    sizes = [sum(table.bytes_on_disk for table in tables) for tables in (before, after)]
    return f"{name:36} {rows[0]:>12,} {rows[1]:>12,} {sizes[0]:>14,} {sizes[1]:>14,}"
