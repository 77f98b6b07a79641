"""The analyses of the drill-down on the built lake, and that raw lines are masked as dbt would.

All that needs Spark; test_incident.py has the command itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import planted_secrets
from conftest import BuiltLake

from tracekeep.dbt import dbt
from tracekeep.incident.expressions import evaluator
from tracekeep.incident.masking import COLUMNS, masked, redaction_sql, steps_of

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

ALWAYS = {"from_time": "2000-01-01", "to_time": "2100-01-01"}


def asked(spark: SparkSession, analysis: str, **variables: Any) -> list[Row]:
    """The rows of an analysis with some variables."""
    words = ("compile", "--select", analysis, "--vars", json.dumps(variables))
    (outcome,) = dbt(*words).result.results
    return spark.sql(outcome.node.compiled_code).collect()


def test_three_steps_lead_from_a_window_to_the_lines_it_was_built_from(
    spark: SparkSession, lake: BuiltLake
) -> None:
    worst = next(row for row in asked(spark, "incident_windows", **ALWAYS) if row.sample_trace_ids)
    assert worst.error_rate > 0.5
    trace_id = worst.sample_trace_ids[0]
    rows = asked(spark, "incident_traces", trace_id=trace_id, as_of=worst.silver_version)
    held = sum(
        spark.table(table).where(f"trace_id = '{trace_id}'").count()
        for table in ("silver.spans", "silver.log_records")
    )
    assert len(rows) == held > 0
    lines = asked(spark, "incident_raw_lines", trace_id=trace_id, as_of=worst.bronze_version)
    spans = {row.span_id for row in rows if row.event_type == "span"}
    assert spans == {line.span_id for line in lines if line.event_type == "span"}


def test_windows_that_nobody_built_are_those_of_a_scheduled_run(
    spark: SparkSession, lake: BuiltLake
) -> None:
    columns = (
        "window_start", "environment", "region", "service", "endpoint", "request_count",
        "error_count", "slow_count", "error_rate", "p50_latency_ms", "p95_latency_ms",
        "p99_latency_ms", "max_latency_ms",
    )  # fmt: skip
    lazy = {tuple(row) for row in asked(spark, "lazy_windows", **ALWAYS, minutes=1)}
    built = spark.table("gold.endpoint_minutes").where("request_count > 0").select(*columns)
    assert lazy == {tuple(row) for row in built.collect()} != set()


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


def test_raw_lines_are_masked_by_the_expression_of_dbt(lake: BuiltLake) -> None:
    calls = {
        "steps": "redaction_steps('lowered', redaction_policy())",
        "text": "redacted('text', 'steps', redaction_policy())",
        "names": "redacted_attributes('names', 'steps', redaction_policy())",
    }
    inline = "\n##\n".join(f"{{{{ {call} }}}}" for call in calls.values())
    (outcome,) = dbt("compile", "--inline", inline).result.results
    pieces = [piece.strip() for piece in outcome.node.compiled_code.split("\n##\n")]
    assert redaction_sql() == dict(zip(calls, pieces, strict=True))

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
