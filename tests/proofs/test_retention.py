"""R6, R12: what expires goes from disk, what arrives for it later is counted, no error is lost.

A trace an hour of two days, one crosses midnight; before them a day with logs alone. The first two
days expire from Silver, the last does not; then late records arrive for all. And a generated day
expires from Bronze while another is ingested.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import commands
import lakes
import pytest
from deltalake import DeltaTable
from oddities import HOUR, MINUTE, SECOND, deployed, log, span

from tracekeep.lake import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAY = 24 * HOUR
FIRST_NS = 1_768_176_000_000_000_000  # 2026-01-12 00:00:00 UTC
FIRST, SECOND_DAY = "2026-01-12", "2026-01-13"
LOGGED = "e" * 32
"""A trace of logs alone, on the day before the first."""

NOW = datetime.datetime(2026, 4, 13)  # 91 days after the first day, 90 after the second
CROSSING = "c" * 32
FAILED = ("java.lang.IllegalStateException", "pool is empty")


def trace_of(hour: int) -> str:
    """Id of the trace of an hour since the first midnight; that of each fourth is an error."""
    return f"{hour + 1:032x}"


def timely() -> Iterator[str]:
    """Two spans an hour, and the trace that crosses midnight."""
    for hour in range(48):
        start = FIRST_NS + hour * HOUR + MINUTE
        failed = {"status": 2, "exception": FAILED} if hour % 4 == 0 else {}
        yield span(trace_of(hour), "a" * 16, start=start, **failed)
        yield span(
            trace_of(hour), "b" * 16, "a" * 16, service="ledger", name="POST /book",
            start=start + SECOND, **failed,
        )  # fmt: skip
    yield span(
        CROSSING, "a" * 16, start=FIRST_NS + DAY - SECOND, status=2, exception=FAILED
    )  # fmt: skip
    yield span(
        CROSSING, "b" * 16, "a" * 16, service="ledger", start=FIRST_NS + DAY + SECOND,
        status=2, exception=("java.lang.IllegalStateException", "of a day that stays"),
    )  # fmt: skip
    yield deployed("one", f"{FIRST}T02:00:00Z")
    yield FIRST_LOG
    yield log(LOGGED, "", "ERROR disk 2 is full", severity=17, time=FIRST_NS - HOUR)


FIRST_LOG = log(LOGGED, "", "ERROR disk 1 is full", severity=17, time=FIRST_NS - HOUR)

LATE_ALONE = span(
    trace_of(6), "d" * 16, "a" * 16, service="bank", start=FIRST_NS + 6 * HOUR + 2 * MINUTE,
    status=2, exception=("java.io.IOException", "late and alone"),
)  # fmt: skip
LATE_ERROR = span(
    trace_of(1), "d" * 16, "a" * 16, service="bank", start=FIRST_NS + HOUR + 2 * MINUTE,
    status=2, exception=("java.io.IOException", "late and new"),
)  # fmt: skip
LATE = (
    LATE_ERROR,
    LATE_ERROR,
    FIRST_LOG,
    deployed("two", f"{FIRST}T02:10:00Z", service="ledger"),
    span(trace_of(3), "d" * 16, "a" * 16, service="bank", start=FIRST_NS + 3 * HOUR + 2 * MINUTE,
         status=2, exception=("java.io.IOException", "to be erased")),
    span(trace_of(2), "d" * 16, "a" * 16, start=FIRST_NS + 2 * HOUR + 2 * MINUTE),
    span(CROSSING, "d" * 16, "a" * 16, start=FIRST_NS + DAY + 2 * SECOND),
    span(trace_of(30), "d" * 16, "a" * 16, start=FIRST_NS + 30 * HOUR + 2 * MINUTE,
         status=2, exception=FAILED),
)  # fmt: skip
"""An error of an expired day, twice; a log of an expired day without spans, again; a change of that
day near another; an error that is erased later; a span of that day; one of the trace that began on
it; an error of a day that Silver still has."""


@pytest.fixture
def spark(lake: Path) -> Iterator[SparkSession]:
    from tracekeep.session import spark_session

    session = spark_session(hive=True)
    yield session
    session.stop()


def take(spark: SparkSession, records: list[str], folder: Path) -> None:
    """Ingest records and build both layers."""
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    folder.mkdir()
    (folder / "records.jsonl").write_text("\n".join(records) + "\n", encoding="utf-8")
    assert ingest(spark, [folder])["rejected"] == 0
    dbt("run", "--select", "silver")
    dbt("run", "--select", "gold")


def days_of(lake: Path, table: str) -> set[str]:
    """The days that a table has rows of."""
    data = DeltaTable(str(lake.joinpath(*table.split("."))))
    days = data.to_pyarrow_table(columns=["partition_date"]).column("partition_date")
    return {str(day) for day in days.to_pylist()}


def files_of(lake: Path, table: str, day: str) -> list[Path]:
    """The data files of a day on disk, old versions included."""
    return list(lake.joinpath(*table.split("."), f"partition_date={day}").glob("*.parquet"))


def events_of(lake: Path, table: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a table that have some values."""
    rows = DeltaTable(str(lake.joinpath(*table.split(".")))).to_pyarrow_table().to_pylist()
    return [row for row in rows if all(row[key] == value for key, value in values.items())]


def test_what_expires_goes_and_no_error_is_lost(
    spark: SparkSession, lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    from tracekeep import expire as expiry
    from tracekeep import rebuild
    from tracekeep.dbt import DbtError, dbt
    from tracekeep.erasure.work import erase
    from tracekeep.ingest.ledger import ERASURE, Ledger
    from tracekeep.tables import lake_tables

    take(spark, list(timely()), tmp_path / "timely")
    silver_expires_in_order(spark, tmp_path / "first", capsys)
    before = {table: lakes.rows_of(lake, table) for table in lakes.COMPARED}
    spans_version = DeltaTable(str(lake / "silver" / "spans")).version()

    expiry.expire(NOW, dry_run=True)
    assert days_of(lake, "silver.spans") == {FIRST, SECOND_DAY}

    # cut short once the days are noted: the next one goes on
    spark.sql("alter table silver.traces set tblproperties ('delta.appendOnly' = 'true')")
    with pytest.raises((PySparkException, Py4JError), match="append"):
        expiry.expire(NOW)
    spark.sql("alter table silver.traces set tblproperties ('delta.appendOnly' = 'false')")
    expiry.expire(NOW)
    # a second one has nothing to do, and commits nothing
    versions = {table.name: table.version for table in lake_tables()}
    expiry.expire(NOW)
    assert {table.name: table.version for table in lake_tables()} == versions

    for table in ("spans", "error_events", "service_calls", "traces"):
        assert days_of(lake, f"silver.{table}") == {SECOND_DAY}, table
        assert files_of(lake, f"silver.{table}", FIRST) == [], table
        assert files_of(lake, f"silver.{table}", SECOND_DAY) != [], table
    for table in ("endpoint_minutes", "call_graph_minutes"):
        assert days_of(lake, f"gold.{table}") == set(), table
    for table in lakes.COMPARED:
        if table.startswith("gold.") and "minutes" not in table:
            assert lakes.rows_of(lake, table) == before[table], table
    # of what has not expired, the old version is still there
    old = spark.read.format("delta").option("versionAsOf", spans_version)
    rows = old.load(str(lake / "silver" / "spans")).where(f"partition_date = '{SECOND_DAY}'")
    assert rows.count() == 49
    drill_down_goes_on(spark, lake, spans_version)
    gold_keeps_what_silver_has_let_go(spark)
    # with days that have expired, models compile to other SQL
    dbt("test", "--select", "test_type:unit")
    # what Gold keeps of the days that are gone below could not be built again
    versions = {table.name: table.version for table in lake_tables()}
    assert rebuild.run(argparse.Namespace()) == 2
    assert {table.name: table.version for table in lake_tables()} == versions
    data_tests_hold()

    # of a batch that brings nothing else Silver builds nothing
    take(spark, [LATE_ALONE], tmp_path / "late_alone")
    assert events_of(lake, "gold.error_events", error_message="late and alone")
    take(spark, list(LATE), tmp_path / "late")
    (books,) = events_of(lake, "control.batch_books", ingest_batch=4)
    assert (books["expired_span_count"], books["span_count"]) == (5, 1)
    assert books["duplicate_span_count"] == 0
    assert days_of(lake, "silver.spans") == {SECOND_DAY}
    (late,) = events_of(lake, "gold.error_events", error_message="late and new")
    assert (late["service"], late["sampling_threshold"]) == ("bank", "0")
    assert events_of(lake, "gold.error_patterns", fingerprint=late["fingerprint"])
    # frozen: what Gold held of the day is what it held, and the trace of midnight too
    for table in (
        "gold.sampled_spans", "gold.sampled_log_records", "gold.incident_paths",
        "gold.error_events", "gold.change_effects",
    ):  # fmt: skip
        now = lakes.rows_of(lake, table)
        lost = [row for row in before[table] - now if trace_of(30) not in row]
        assert lost == [], table
    now = lakes.rows_of(lake, "gold.endpoint_hours")
    assert [row for row in before["gold.endpoint_hours"] - now if SECOND_DAY not in row] == []
    assert events_of(lake, "silver.traces", trace_id=trace_of(30))[0]["sample_class"] == "error"
    data_tests_hold()

    # its day stands in Gold alone: the pattern goes too; and so does that of a trace which Silver
    # builds no more, as it began on a day that has expired
    erased = ("to be erased", "of a day that stays")
    for template in erased:
        assert events_of(lake, "gold.error_patterns", error_template=template)
    # one that was killed has left its batch open
    Ledger(spark).plan_without_files(ERASURE)
    erase([trace_of(3), CROSSING], [])
    assert Ledger(spark).open_batches((ERASURE,)) == []
    for text in erased:
        assert not events_of(lake, "gold.error_events", error_message=text)
        for table in ("gold.error_patterns", "gold.error_pattern_days"):
            assert not events_of(lake, table, error_template=text), table
    data_tests_hold()

    # the tests of it can fail
    spark.sql("delete from gold.error_events where error_message = 'late and new'")
    spark.sql(
        "alter table silver.spans set tblproperties"
        " ('delta.deletedFileRetentionDuration' = 'interval 1 days')"
    )
    for name in ("late_error_events_are_in_gold", "travel_windows_are_set"):
        with pytest.raises(DbtError):
            dbt("test", "--select", name)

    # long after, all is over, but for a day that ingest may write to
    long_after = datetime.datetime.now() + datetime.timedelta(days=400)
    ledger = Ledger(spark)
    batch = ledger.plan_without_files(ERASURE)
    expiry.expire(long_after)
    assert days_of(lake, "bronze.spans") != set()
    ledger.close_erasure(batch)
    # the windows of time travel are set again too
    expiry.expire(long_after)
    for layer in ("bronze", "silver"):
        assert days_of(lake, f"{layer}.spans") == set()
    assert days_of(lake, "gold.error_events") == set()
    assert days_of(lake, "gold.error_pattern_days") == set()
    data_tests_hold()


def silver_expires_in_order(
    spark: SparkSession, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A day that Gold has not taken holds up the later ones: traces go on to them."""
    from tracekeep import expire as expiry
    from tracekeep.dbt import dbt
    from tracekeep.ingest import ingest

    folder.mkdir()
    late = span(trace_of(5), "d" * 16, "a" * 16, start=FIRST_NS + 5 * HOUR + 2 * MINUTE)
    (folder / "records.jsonl").write_text(late + "\n", encoding="utf-8")
    assert ingest(spark, [folder])["rejected"] == 0
    dbt("run", "--select", "silver")
    capsys.readouterr()
    expiry.expire(NOW + datetime.timedelta(days=1), dry_run=True)
    told = capsys.readouterr().out
    assert f"silver: {FIRST}, {SECOND_DAY} stay" in told
    assert "silver.spans:" not in told
    dbt("run", "--select", "gold")
    capsys.readouterr()
    expiry.expire(NOW + datetime.timedelta(days=1), dry_run=True)
    assert f"silver.spans: 2 days, {FIRST} to {SECOND_DAY}" in capsys.readouterr().out


def gold_keeps_what_silver_has_let_go(spark: SparkSession) -> None:
    """A build that names a day which has expired does not have Gold build the day from nothing."""
    from tracekeep.dbt import dbt

    spark.sql("insert into control.pinned_batches (ingest_batch, build_id) values (-1, 'a')")
    days = [("a", datetime.date.fromisoformat(day), "build") for day in (FIRST, SECOND_DAY)]
    noted = spark.createDataFrame(days, "build_id string, partition_date date, operation string")
    noted.write.format("delta").mode("append").saveAsTable("control.day_builds")
    dbt("run", "--select", "changed_days")
    changed = [f"{row.touched_key}" for row in spark.table("control.changed_days").collect()]
    for table in ("pinned_batches", "day_builds"):
        spark.sql(f"delete from control.{table} where build_id = 'a'")  # noqa: S608 - of this test
    dbt("run", "--select", "changed_days")
    assert changed == [SECOND_DAY]


def drill_down_goes_on(spark: SparkSession, lake: Path, old_version: int) -> None:
    """`incident` says what has expired; an analysis reads an old version without those days."""
    from tracekeep.dbt import dbt
    from tracekeep.incident.answer import Question, answer
    from tracekeep.incident.delta_lake import DeltaLake

    for trace, status in ((trace_of(4), "expired"), (trace_of(28), "found")):
        told = answer(DeltaLake(lake), Question(trace_id=trace))["traces"][0]
        layers = {layer["layer"]: layer["status"] for layer in told["layers"]}
        assert (layers["silver"], layers["bronze"]) == (status, "found")
        variables = json.dumps({"trace_id": trace, "as_of": old_version})
        words = ("compile", "--select", "incident_traces", "--vars", variables)
        (outcome,) = dbt(*words).result.results
        assert f"version as of {old_version}" in outcome.node.compiled_code
        rows = spark.sql(outcome.node.compiled_code).collect()
        assert any(row.event_type == "span" for row in rows) == (status == "found")


def finished(*words: object) -> str:
    """The output of a command that succeeds."""
    code, out, err = commands.finish(commands.start(*words))
    assert code == 0, f"{words}: {err[-3000:]}"
    return out


INGEST_LONG_AGO = """
import datetime, pathlib, sys
from tracekeep.ingest import ingest
from tracekeep.ingest.ledger import Ledger
from tracekeep.session import spark_session

store_plan, ten_days = Ledger.store_plan, datetime.timedelta(days=10)
Ledger.store_plan = lambda ledger, batches, region, now: store_plan(
    ledger, batches, region, now - ten_days
)
ingest(spark_session(), [pathlib.Path(sys.argv[1])])
"""


def run_long_ago(folder: Path) -> None:
    """Ingest a folder as if ten days ago, and build all layers of it."""
    subprocess.run(  # noqa: S603 - a script of this test
        [sys.executable, "-c", INGEST_LONG_AGO, folder], cwd=PROJECT, check=True
    )
    finished("run", folder)


def ingested_batches(lake: Path) -> int:
    """How many ingest batches a lake holds."""
    return DeltaTable(str(lake / "bronze" / "ingest_batches")).to_pyarrow_table().num_rows


def test_it_runs_beside_an_ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, seed, days in ((old, 3, 12), (new, 4, 2)):
        start = today - datetime.timedelta(days=days)
        finished("generate", folder, "--events", 1000, "--seed", seed, "--start", start)

    beside = tmp_path / "beside"
    monkeypatch.setenv("TRACEKEEP_LAKE", str(beside))
    run_long_ago(old)
    ingest = commands.start("ingest", new, "--follow", "--max-files-per-batch", 1)
    for line in ingest.stderr or []:
        if "records" in line:
            break
    first = ingested_batches(beside)
    told = finished("expire")
    last = ingested_batches(beside)
    ingest.terminate()
    code, out, err = commands.finish(ingest)
    assert code == 0, err
    assert last > first, "the ingest wrote nothing while expire ran"
    assert "bronze.spans: 1 days" in told, told
    books = json.loads(out.splitlines()[-1])
    held = DeltaTable(str(beside / "bronze" / "spans")).to_pyarrow_table(columns=["span_id"])
    assert held.num_rows == books["spans"]
    assert days_of(beside, "bronze.spans") == {str(today)}
    finished("run", new)

    one_by_one = tmp_path / "one_by_one"
    monkeypatch.setenv("TRACEKEEP_LAKE", str(one_by_one))
    run_long_ago(old)
    finished("expire")
    finished("run", new)
    for table in lakes.COMPARED:
        assert lakes.rows_of(beside, table) == lakes.rows_of(one_by_one, table), table


def data_tests_hold() -> None:
    """All data tests of the project hold."""
    from tracekeep.dbt import dbt

    dbt("test", "--select", "test_type:data")
