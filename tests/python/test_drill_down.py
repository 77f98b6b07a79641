"""The drill-down's macros on the built lake, and that raw lines are masked as dbt would.

All that needs Spark; test_incident.py has the command itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import BuiltLake

from tracekeep.dbt import DbtError, dbt
from tracekeep.incident.masking import masked, redaction_sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

UNKNOWN = "0" * 31 + "1"


def compiled(sql: str) -> str:
    (outcome,) = dbt("compile", "--inline", sql).result.results
    return outcome.node.compiled_code


def test_three_steps_lead_from_a_window_to_the_lines_it_was_built_from(
    spark: SparkSession, lake: BuiltLake
) -> None:
    worst = spark.sql(
        "select * from gold.endpoint_minutes where error_rate > 0.5 and size(sample_trace_ids) > 0"
        " order by error_count desc, window_start limit 1"
    ).first()
    start = worst.window_start
    windows = spark.sql(compiled(
        f"{{{{ incident_windows('{start:%Y-%m-%dT%H:%M}', '{start:%Y-%m-%dT%H}:59',"
        f" service='{worst.service}', as_of='2100-01-01') }}}}"
    )).collect()  # fmt: skip
    assert (start, worst.endpoint) in {(row.window_start, row.endpoint) for row in windows}

    trace_id = worst.sample_trace_ids[0]
    ids = [trace_id, UNKNOWN]
    rows = spark.sql(compiled(f"{{{{ trace_rows({ids}) }}}}")).collect()
    held = spark.sql(
        f"select (select count(*) from silver.spans where trace_id = '{trace_id}')"  # noqa: S608
        f" + (select count(*) from silver.log_records where trace_id = '{trace_id}') as held"
    ).first()
    assert sum(row.status == "found" for row in rows) == held.held
    assert [row.trace_id for row in rows if row.status == "unknown"] == [UNKNOWN]

    lines = spark.sql(compiled(f"{{{{ raw_lines({ids}) }}}}")).collect()
    spans = {row.span_id for row in rows if row.event_type == "span"}
    assert spans == {line.span_id for line in lines if line.event_type == "span"}


@pytest.mark.parametrize(
    "call",
    ["raw_lines(['x'])", "trace_rows([])", "incident_windows('now()', '2026-01-13')"],
)
def test_what_is_no_id_and_no_time_never_becomes_sql(lake: BuiltLake, call: str) -> None:
    with pytest.raises(DbtError):
        compiled(f"{{{{ {call} }}}}")


def test_windows_that_nobody_built_are_those_of_a_scheduled_run(
    spark: SparkSession, lake: BuiltLake
) -> None:
    columns = (
        "window_start, environment, region, service, endpoint, request_count, error_count,"
        " slow_count, error_rate, p50_latency_ms, p95_latency_ms, p99_latency_ms, max_latency_ms"
    )
    lazy = compiled("{{ endpoint_windows('2000-01-01', '2100-01-01', as_of='2100-01-01') }}")
    built = f"select {columns} from gold.endpoint_minutes where request_count > 0"  # noqa: S608
    mine = f"select {columns} from ({lazy})"  # noqa: S608
    assert spark.sql(f"({built}) except all ({mine})").collect() == []
    assert spark.sql(f"({mine}) except all ({built})").collect() == []


def test_raw_lines_are_masked_by_the_expression_of_dbt(
    spark: SparkSession, lake: BuiltLake
) -> None:
    sql = redaction_sql()
    pieces = ("redaction_steps('lowered')", "redacted('text', 'steps')")
    pieces += ("redacted_attributes('names', 'steps')",)
    rendered = compiled(" ## ".join(f"{{{{ {piece} }}}}" for piece in pieces)).split(" ## ")
    assert [piece.strip() for piece in rendered] == [sql["steps"], sql["text"], sql["names"]]

    line = json.dumps({
        "attributes": [
            {"key": "db.password", "value": {"stringValue": "hunter2"}},
            {"key": "http.route", "value": {"stringValue": "/pay"}},
        ],
        "body": "paid by 4111 1111 1111 1111",
    })  # fmt: skip
    safe, nothing, plain = masked([line, None, "an error in line 12"])
    assert nothing is None and plain == "an error in line 12"
    assert "hunter2" not in safe and "4111" not in safe
    assert "/pay" in safe and "[password]" in safe and "[card]" in safe
