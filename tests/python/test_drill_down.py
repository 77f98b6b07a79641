"""The drill-down's macros on the built lake, and that raw lines are masked as dbt would.

All that needs Spark; test_incident.py has the command itself.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import planted_secrets
import pytest
from conftest import BuiltLake

from tracekeep.dbt import dbt
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.incident.expressions import evaluator
from tracekeep.incident.masking import COLUMNS, masked, redaction_sql, steps_of

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

UNKNOWN = "5eed" * 8
ALWAYS = "'2000-01-01', '2100-01-01', as_of='2100-01-01'"


@dataclass(frozen=True)
class Steps:
    """The window with most errors, one of its traces, and the SQL that dbt renders for them."""

    worst: Row
    trace_id: str
    sql: dict[str, str]


@pytest.fixture(scope="module")
def steps(spark: SparkSession, lake: BuiltLake) -> Steps:
    worst = spark.sql(
        "select * from gold.endpoint_minutes where error_rate > 0.5 and size(sample_trace_ids) > 0"
        " order by error_count desc, window_start limit 1"
    ).first()
    trace_id = worst.sample_trace_ids[0]
    calls = {
        "windows": f"incident_windows({ALWAYS}, service='{worst.service}')",
        "rows": f"trace_rows({[trace_id, UNKNOWN]})",
        "lines": f"raw_lines({[trace_id, UNKNOWN]})",
        "lazy": f"endpoint_windows({ALWAYS})",
        "masking.steps": "redaction_steps('lowered')",
        "masking.text": "redacted('text', 'steps')",
        "masking.names": "redacted_attributes('names', 'steps')",
    }
    inline = "\n##\n".join(f"{{{{ {call} }}}}" for call in calls.values())
    (outcome,) = dbt("compile", "--inline", inline).result.results
    pieces = [piece.strip() for piece in outcome.node.compiled_code.split("\n##\n")]
    return Steps(worst, trace_id, dict(zip(calls, pieces, strict=True)))


def test_three_steps_lead_from_a_window_to_the_lines_it_was_built_from(
    spark: SparkSession, steps: Steps
) -> None:
    found = spark.sql(steps.sql["windows"]).collect()
    assert {row.status for row in found} == {"found"}
    windows = {(row.window_start, row.endpoint) for row in found}
    assert (steps.worst.window_start, steps.worst.endpoint) in windows

    rows = spark.sql(steps.sql["rows"]).collect()
    held = sum(
        spark.table(table).where(f"trace_id = '{steps.trace_id}'").count()
        for table in ("silver.spans", "silver.log_records")
    )
    assert sum(row.status == "found" for row in rows) == held > 0
    assert [row.trace_id for row in rows if row.status == "unknown"] == [UNKNOWN]

    lines = spark.sql(steps.sql["lines"]).collect()
    spans = {row.span_id for row in rows if row.event_type == "span"}
    assert spans == {line.span_id for line in lines if line.event_type == "span"}


def test_what_is_gone_says_why(spark: SparkSession, steps: Steps) -> None:
    only_logged = spark.sql(
        "select min(trace_id) from gold.sampled_log_records"
        " left anti join gold.sampled_spans using (trace_id)"
    ).first()[0]
    erased = "e" * 32
    spark.sql(
        "insert into bronze.erased_ids select 'trace', null, 'salt',"
        f" sha2(concat('salt', '{erased}'), 256), current_timestamp(), current_date()"
    )
    asked = list(filter(None, [steps.trace_id, only_logged, erased, UNKNOWN]))
    call = f"{{{{ trace_rows({asked}) }}}}"
    # with a window of no days Delta would refuse all versions but the newest
    spark.sql("alter table silver.spans set tblproperties ('tested' = 'true')")
    assert "spans version as of" in steps.sql["rows"]
    words = ("--vars", "{silver_travel_days: 0}")
    (outcome,) = dbt("compile", "--inline", call, *words).result.results
    assert "spans version as of" not in outcome.node.compiled_code
    told = {row.trace_id: row.status for row in spark.sql(outcome.node.compiled_code).collect()}
    spark.sql("delete from bronze.erased_ids where salt = 'salt'")
    assert told == {
        trace_id: {erased: "erased", UNKNOWN: "unknown"}.get(trace_id, "found")
        for trace_id in asked
    }


def compiled(inline: str) -> str:
    (outcome,) = dbt("compile", "--inline", inline).result.results
    return str(outcome.node.compiled_code)


def test_a_trace_that_came_later_than_the_time_asked_for_has_not_expired(
    spark: SparkSession, lake: BuiltLake, steps: Steps
) -> None:
    tables = DeltaLake(lake.path)
    created = max(
        tables[name].commits[0].at for name in ("bronze.spans", "bronze.log_records")
    ).isoformat()
    sql = compiled(f"{{{{ raw_lines(['{steps.trace_id}'], as_of='{created}') }}}}")
    assert [row.status for row in spark.sql(sql).collect()] == ["unknown"]


def test_commits_have_their_times_in_any_zone(
    spark: SparkSession, lake: BuiltLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    # there is nothing to ask while dbt parses
    inline = (
        "{% set spans = ref('spans') %}{% if execute %}"
        "select version, unix_micros(committed_at) as at from {{ committed_versions(spans) }}"
        "{% endif %}"
    )
    try:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", "America/New_York")
            time.tzset()
            sql = compiled(inline)
    finally:
        time.tzset()
    told = {row.version: row.at for row in spark.sql(sql).collect()}
    held = DeltaLake(lake.path)["silver.spans"].commits
    assert told == {commit.version: round(commit.at.timestamp() * 1e6) for commit in held}


def test_windows_that_nobody_built_are_those_of_a_scheduled_run(
    spark: SparkSession, steps: Steps
) -> None:
    columns = (
        "window_start", "environment", "region", "service", "endpoint", "request_count",
        "error_count", "slow_count", "error_rate", "p50_latency_ms", "p95_latency_ms",
        "p99_latency_ms", "max_latency_ms",
    )  # fmt: skip
    lazy = spark.sql(steps.sql["lazy"]).select(*columns)
    built = spark.table("gold.endpoint_minutes").where("request_count > 0").select(*columns)
    assert lazy.exceptAll(built).collect() == built.exceptAll(lazy).collect() == []


def test_a_bare_jvm_evaluates_as_a_session_does(spark: SparkSession) -> None:
    """Over planted secrets, their look-alikes, and names that say that a value is secret."""
    texts = [
        *(secret.text for secret in planted_secrets.secrets(seed=5, each=2)),
        *planted_secrets.lookalikes(seed=5, each=1),
        "NUL \0 and \U0001f511 password=hunter2",
        "",
    ]
    rows = [(text, {"db.password": text, "http.route": "/pay"}) for text in texts]
    sql = redaction_sql()
    for result in (sql["text"], f"to_json({sql['names']})"):
        steps = steps_of(sql["steps"], result)
        frame = spark.createDataFrame(rows, COLUMNS)
        for step in steps:
            frame = frame.selectExpr(*step)
        expected = [row[0] for row in frame.collect()]
        with evaluator() as jvm:
            assert jvm.strings(COLUMNS, rows, steps) == expected
        assert sum("[" in text for text in expected) > 20


def test_raw_lines_are_masked_by_the_expression_of_dbt(steps: Steps) -> None:
    sql = redaction_sql()
    assert sql == {name: steps.sql[f"masking.{name}"] for name in sql}

    line = json.dumps({
        "attributes": [
            {"key": "db.password", "value": {"stringValue": "hunter2"}},
            {"key": "http.route", "value": {"stringValue": "/pay"}},
        ],
        "body": "paid by 4111 1111 1111 1111",
    })[:-1] + ', "note": "by 4111\\u0020111111111111 \\ud800", "key": ["password"]}'  # fmt: skip
    safe, nothing, plain = masked([line, None, "an error in line 12"])
    assert nothing is None and plain == "an error in line 12"
    assert "hunter2" not in safe and "4111" not in safe
    assert "/pay" in safe and "[password]" in safe and "[card]" in safe

    cri = "2026-01-12T10:15:00.1Z stdout F "
    secrets = (
        r'{"msg":"body {\u0022password\u0022:\u0022hunter2\u0022}"}',
        r'{"msg":"GET /cb?state=x\u0026password=hunter2"}',
        '{"tags":{"auth.token":"hunter2","http.route":"/pay"}}',
        '{"db.password":"wrong hunter2 battery"}',
        'at 10:15 [main] saved {"db.password":"hunter2"} and {"a":{"db.password":"hunter2"}}',
    )
    lines = [
        *secrets,
        *(cri + secret for secret in secrets),
        *(json.dumps({"log": secret + "\n", "stream": "stdout"}) for secret in secrets),
    ]
    for line, safe in zip(lines, masked(lines), strict=True):
        assert "hunter2" not in safe and "[" in safe, line
        assert safe.startswith(line[:6]) and ("/pay" in safe) == ("/pay" in line)
