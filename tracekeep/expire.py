"""`python -m tracekeep expire`: remove what each layer has kept long enough, and say what went."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tracekeep.lake import delta_tables, project_variables

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

    from tracekeep.tables import LakeTable

OK, FAILED = 0, 1


class ExpiryError(RuntimeError):
    """Nothing has expired; the message says why."""


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
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from tracekeep.dbt import DbtError
    from tracekeep.session import spark_session
    from tracekeep.tables import lake_tables

    spark_session(hive=True)
    before = lake_tables()
    try:
        expire(arguments.now, arguments.dry_run, arguments.vars)
    except (DbtError, ExpiryError, PySparkException, Py4JError, ValueError) as error:
        print(f"expire: {error}", file=sys.stderr)
        return FAILED
    if not arguments.dry_run:
        _print_difference(before, lake_tables())
    return OK


def expire(
    now: datetime.datetime | None = None, dry_run: bool = False, variables: str = "{}"
) -> None:
    """Expire all layers in the open session, and print what goes and which days stay.

    Days that expire are noted in control.expired_days first, then their rows are deleted, then
    their files; cut short anywhere, the next call ends it. At last each table gets its window of
    time travel and loses older versions.

    now: taken for the present, UTC unless it names a zone. variables: dbt's, YAML. Raises
    ExpiryError before anything is done, ValueError for other variables than YAML's, DbtError,
    PySparkException or Py4JError (Delta's errors that PySpark does not know) if a statement fails.
    """
    from tracekeep.catalog import register_tables
    from tracekeep.dbt import dbt, table_meta
    from tracekeep.session import spark_session

    settings = project_variables(variables)
    now = now or datetime.datetime.now(datetime.UTC)
    today = (now.astimezone(datetime.UTC) if now.tzinfo else now).date()
    spark = spark_session(hive=True)
    register_tables(spark)
    _check(spark)
    tables = table_meta()
    variable_of = {name: meta.get("retention") for name, meta in tables.items()}
    retention = {
        name: int(settings[variable])
        for name, variable in variable_of.items()
        if variable and settings[variable] is not None and spark.catalog.tableExists(name)
    }
    plan = _plan(spark, retention, today)
    for due in plan:
        print(
            f"{due.table}: {len(due.days)} days, {due.days[0]} to {due.days[-1]}, "
            f"{sum(row.record_count for row in due.rows)} rows"
        )
    if dry_run:
        return
    _note(spark, "delete", [(due.table, *row[:3]) for due in plan for row in due.rows])
    for due in plan:
        if due.table == "silver.traces":
            _freeze_traces(spark, due.days)
    for due in plan:
        spark.sql(f"delete from {due.table} where partition_date in {_literals(due.days)}")
    # else each VACUUM commits twice, also where there is nothing to remove
    spark.conf.set("spark.databricks.delta.vacuum.logging.enabled", "false")
    _remove_expired_files(spark)
    if settings["gold_retention_days"] is not None:
        oldest = today - timedelta(days=int(settings["gold_retention_days"]))
        for name, meta in tables.items():
            if "remembered_by" in meta:
                _forget_unseen(spark, name, meta["remembered_by"], oldest)
    _keep_versions(spark, settings)
    # The views of what Bronze holds go by the days that have expired. A metastore that was lost
    # lacks the views below them too.
    views = (f"+{view},config.materialized:view" for view in VIEWS)
    dbt("run", "--select", *views, "--vars", variables)


VIEWS = ("stg_expired_arrivals", "stg_late_error_events")
STATE = (
    "control.batch_books", "control.expired_days", "control.frozen_traces", "gold.build_versions",
)  # fmt: skip


def _check(spark: SparkSession) -> None:
    missing = [name for name in STATE if not spark.catalog.tableExists(name)]
    if missing:
        raise ExpiryError(
            f"{', '.join(missing)} missing: build Silver and Gold first (`dbt run`). Nothing has "
            "expired"
        )
    if spark.sql("select 1 from control.trace_arrivals limit 1").collect():
        raise ExpiryError(
            "a run of Silver is at work, or was cut short and waits for the next one to end it. "
            "Nothing has expired"
        )


def _literals(days: Iterable[datetime.date]) -> str:
    return "(" + ", ".join(f"date'{day}'" for day in days) + ")"


# ---------------------------------------------------------------- what is due


@dataclass(frozen=True)
class _Due:
    """What is to go from a table. rows: partition_date, ingest_batch, record_count; in order."""

    table: str
    rows: list[Row]

    @property
    def days(self) -> list[datetime.date]:
        return sorted({row.partition_date for row in self.rows})


UNTAKEN = {
    "bronze": "taken_batches.ingest_batch is null or unfinished_days.partition_date is not null",
    "silver": "taken_builds.build_id is null",
    "gold": "false",
}
"""By layer, whether Gold has not taken a row yet, or ingest may still write to its day."""


def _plan(spark: SparkSession, retention: Mapping[str, int], today: datetime.date) -> list[_Due]:
    """What is due by table; prints the days that are old enough and stay.

    A day stays in all tables of its layer for as long as Gold has not taken all of its rows or
    ingest may write to it, and in Silver for as long as an earlier one does: traces go on to later
    days, never to earlier ones (R6).
    """
    old = [
        _Due(table, spark.sql(_old_rows(spark, table, today - timedelta(days=days))).collect())
        for table, days in retention.items()
    ]
    kept: dict[str, set[datetime.date]] = defaultdict(set)
    for due in old:
        layer = due.table.partition(".")[0]
        kept[layer] |= {row.partition_date for row in due.rows if row.untaken_count}
    if kept["silver"]:
        first = min(kept["silver"])
        for due in old:
            if due.table.startswith("silver."):
                kept["silver"] |= {day for day in due.days if day > first}
    for layer, days in kept.items():
        if days:
            print(
                f"{layer}: {', '.join(map(str, sorted(days)))} stay: Gold has not taken all of "
                "their rows yet, or ingest has not finished them"
                + (", or those of an earlier day" if layer == "silver" else "")
            )
    plan = []
    for due in old:
        stay = kept[due.table.partition(".")[0]]
        plan.append(_Due(due.table, [row for row in due.rows if row.partition_date not in stay]))
    return [due for due in plan if due.rows]


def _old_rows(spark: SparkSession, table: str, oldest: datetime.date) -> str:
    """Query for the rows of before a day, by day and ingest batch."""
    columns = spark.table(table).columns
    batch = "ingest_batch" if "ingest_batch" in columns else "cast(null as bigint)"
    build = "build_id" if "build_id" in columns else "cast(null as string)"
    return f"""
        with taken_builds as (

            select distinct explode(silver_build_ids) as build_id from gold.build_versions

        ),

        taken_batches as (

            select books.ingest_batch
            from control.batch_books as books
            left semi join taken_builds
                on books.build_id = taken_builds.build_id

        ),

        unfinished_days as (

            select distinct planned.partition_date
            from bronze.ingest_files as planned
            left anti join bronze.ingest_batches as finished
                on planned.ingest_batch = finished.ingest_batch

        ),

        old_rows as (

            select partition_date, {batch} as ingest_batch, {build} as build_id
            from {table}
            where partition_date < date'{oldest}'

        )

        select
            old_rows.partition_date,
            old_rows.ingest_batch,
            count(*) as record_count,
            count_if({UNTAKEN[table.partition(".")[0]]}) as untaken_count
        from old_rows
        left join taken_batches
            on old_rows.ingest_batch = taken_batches.ingest_batch
        left join taken_builds
            on old_rows.build_id = taken_builds.build_id
        left join unfinished_days
            on old_rows.partition_date = unfinished_days.partition_date
        group by 1, 2
        order by 1, 2
    """


# ---------------------------------------------------------------- rows


def _note(
    spark: SparkSession, phase: str, days: Sequence[tuple[str, datetime.date, int | None, int]]
) -> None:
    """Note in control.expired_days, in one commit, what became of days of tables.

    phase: delete or remove. days: each table, day, ingest batch, rows.
    """
    if not days:
        return
    values = ", ".join(
        f"('{table}', '{phase}', date'{day}', {'null' if batch is None else batch}, {rows}, "
        "current_timestamp())"
        for table, day, batch, rows in days
    )
    spark.sql(
        "insert into control.expired_days (table_name, phase, partition_date, ingest_batch, "
        f"record_count, expired_at) values {values}"
    )


def _freeze_traces(spark: SparkSession, days: Sequence[datetime.date]) -> None:
    """Note the traces that begin on days which expire and go on later, before their first rows go:
    what arrives for them later has nothing to be put together with (R6)."""
    dates = _literals(days)
    spark.sql(f"""
        insert into control.frozen_traces (trace_id, last_date)
        select traces.trace_id, array_max(traces.event_dates)
        from silver.traces as traces
        left anti join control.frozen_traces as frozen
            on traces.trace_id = frozen.trace_id
        where
            traces.partition_date in {dates}
            and array_max(traces.event_dates) not in {dates}
    """)
    spark.sql(f"delete from control.frozen_traces where last_date in {dates}")


def _forget_unseen(
    spark: SparkSession, table: str, keys: Sequence[str], oldest: datetime.date
) -> None:
    """Remove the keys that were not seen since a day. A key that was is remembered from its first
    day on: a pattern of long ago that is still there must not turn new (R10)."""
    same_key = " and ".join(f"old.{key} = unseen.{key}" for key in keys)
    spark.sql(f"""
        merge into {table} as old
        using (
            select {", ".join(keys)} from {table}
            group by all
            having max(partition_date) < date'{oldest}'
        ) as unseen
            on {same_key}
        when matched then delete
    """)


# ---------------------------------------------------------------- files


def _remove_expired_files(spark: SparkSession) -> None:
    """Remove all files of the days in control.expired_days, old versions included, if that was not
    done yet, and note it. Files of a table without partitions wait for the plain VACUUM."""
    rows = spark.sql("""
        with days as (

            select
                table_name,
                partition_date,
                max(expired_at) filter (where phase = 'delete') as deleted_at,
                max(expired_at) filter (where phase = 'remove') as removed_at
            from control.expired_days
            group by 1, 2

        )

        select table_name, array_sort(collect_list(partition_date)) as dates
        from days
        where removed_at is null or removed_at < deleted_at
        group by 1
        order by 1
    """).collect()
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    spark.conf.set(check, "false")
    try:
        for row in rows:
            _remove_files(spark, row.table_name, row.dates)
    finally:
        spark.conf.set(check, "true")
    _note(spark, "remove", [(row.table_name, day, None, 0) for row in rows for day in row.dates])


def _remove_files(spark: SparkSession, table: str, days: Sequence[datetime.date]) -> None:
    """Remove the files of days that the newest version does not need, whatever their age. Only
    these: a plain VACUUM without a limit of time would end all time travel."""
    (detail,) = spark.sql(f"describe detail {table}").collect()
    location = detail.location.replace("`", "``")
    dates = ", ".join(f"'{day}'" for day in days)
    spark.sql(f"""
        vacuum {table} using inventory (
            select
                path,
                length,
                cast('false' as boolean) as isDir,
                unix_millis(modificationTime) as modificationTime
            from binaryFile.`{location}`
            where regexp_extract(path, 'partition_date=([0-9-]+)', 1) in ({dates})
        ) retain 0 hours
    """)


def _keep_versions(spark: SparkSession, settings: Mapping[str, Any]) -> None:
    """Give each table the time travel of its layer (R11), and remove the files of older versions.

    Delta refuses a version that is older than the first property says, and forgets it after the
    second. Some tables at once: a VACUUM of a small table waits more than it works.
    """
    tables = [name for name in delta_tables() if spark.catalog.tableExists(name)]
    for table in tables:
        layer = table.partition(".")[0].replace("control", "silver")
        wanted = dict.fromkeys(TRAVEL, f"interval {settings[f'{layer}_travel_days']} days")
        held = {row.key: row.value for row in spark.sql(f"show tblproperties {table}").collect()}
        if not wanted.items() <= held.items():
            pairs = ", ".join(f"'{name}' = '{value}'" for name, value in wanted.items())
            spark.sql(f"alter table {table} set tblproperties ({pairs})")
    with ThreadPoolExecutor(VACUUMS_AT_ONCE) as pool:
        list(pool.map(spark.sql, [f"vacuum {table}" for table in tables]))


TRAVEL = ("delta.deletedFileRetentionDuration", "delta.logRetentionDuration")
VACUUMS_AT_ONCE = 4


# ---------------------------------------------------------------- the report


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
