"""`tracekeep root-cause`: who is suspected, why, and along which path; `tracekeep evidence`: how
often that is right. On tables of a few rows."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import small_lakes
from deltalake import write_deltalake
from small_lakes import DAY, START

from tracekeep import evidence
from tracekeep.incident import root_cause
from tracekeep.incident.answer import Question, answer
from tracekeep.incident.console import text
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.incident.reader import AsOfReader
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.suspects import suspects_of, suspects_of_each

MINUTE = timedelta(minutes=1)
NOW = range(0, 3)
"""Minutes of the incident, counted from START; ten before and ten after it are as usual."""

Row = dict[str, Any]
Count = Callable[[bool], float]
"""A number by whether it is of the incident."""


def made(
    lake: Path,
    operations: dict[tuple[str, str], Count],
    statements: dict[tuple[str, str, str], Count] | None = None,
    waits: dict[tuple[str, str], Count] | None = None,
    environment: str = "production",
) -> None:
    """Write Gold's minutes: spans of operations, of which those with a slash receive requests;
    spans of statements; waits of edges, each with 40 calls."""
    minutes = [(START + n * MINUTE, n in NOW) for n in range(-10, 13)]

    def rows(counted: dict[tuple[str, ...], Count], names: tuple[str, ...], name: str) -> list[Row]:
        return [
            {**dict(zip(names, key, strict=True)), name: count(is_now), "window_start": start,
             "environment": environment, "partition_date": DAY}
            for key, count in counted.items()
            for start, is_now in minutes
        ]  # fmt: skip

    spans = rows(dict(operations), ("service", "endpoint"), "span_count")
    for row in spans:
        row["request_count"] = row["span_count"] if row["endpoint"].startswith("/") else 0
    edges = rows(dict(waits or {}), ("source_service", "target_service"), "wait_p50_ms")
    for row in edges:
        row |= {"is_self_call": False, "call_count": 40, "target_type": "service", "error_count": 0}
    tables = {
        "operation_minutes": spans,
        "log_statement_minutes": rows(
            dict(statements or {("mail", "/mail", "sent"): lambda _: 9}),
            ("service", "endpoint", "statement"), "span_count",
        ),
        "call_graph_minutes": edges,
    }  # fmt: skip
    for name, found in tables.items():
        write_deltalake(
            str(lake / "gold" / name), pa.Table.from_pylist(found), mode="append",
            schema_mode="merge", partition_by=["partition_date"],
        )  # fmt: skip


def usually(count: float, otherwise: float) -> Count:
    return lambda is_now: otherwise if is_now else count


SHOP = {("gateway", "/buy"): usually(40, 40), ("pay", "/pay"): usually(40, 40)}
CALLS = {("external", "gateway"): usually(1, 1), ("gateway", "pay"): usually(1, 1)}


def run(
    lake: Path, monkeypatch: pytest.MonkeyPatch, *words: str, start: timedelta = timedelta()
) -> int:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(lake))
    parser = argparse.ArgumentParser()
    root_cause.add_arguments(parser)
    times = (
        "--from",
        (START + start).isoformat(),
        "--to",
        (START + start + 3 * MINUTE).isoformat(),
    )
    return root_cause.run(parser.parse_args([*times, *words]))


@pytest.fixture
def suspects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], list[Row]]:
    def told() -> list[Row]:
        assert run(tmp_path, monkeypatch, "--json") == 0
        found: list[Row] = json.loads(capsys.readouterr().out)["candidates"]
        return found

    return told


def test_a_statement_that_went_missing_names_its_service(
    tmp_path: Path, suspects: Callable[[], list[Row]]
) -> None:
    statements = {
        ("pay", "/pay", "a.Pay#7"): usually(40, 4),
        ("gateway", "/buy", "a.Buy#1"): usually(40, 40),
    }
    made(tmp_path, SHOP, statements, CALLS)
    (first,) = suspects()
    assert (first["service"], first["evidence_kind"]) == ("pay", "statement")
    assert first["service_path"] == ["gateway", "pay"]
    assert first["value_now"] == pytest.approx(0.1, abs=0.02)
    assert first["because"].endswith("reach the log statement 'a.Pay#7', usually 100%")


def test_a_service_is_less_suspect_for_what_its_callee_explains(
    tmp_path: Path, suspects: Callable[[], list[Row]]
) -> None:
    statements = {
        ("pay", "/pay", "a.Pay#7"): usually(40, 4),
        ("gateway", "/buy", "a.Buy#1"): usually(40, 2),
    }
    made(tmp_path, SHOP, statements, CALLS)
    assert [row["service"] for row in suspects()] == ["pay", "gateway"]


def test_the_service_that_all_slow_hops_touch_is_suspected(
    tmp_path: Path, suspects: Callable[[], list[Row]]
) -> None:
    operations = {(name, f"/{name}"): usually(40, 40) for name in ("gateway", "pay", "db", "mail")}
    waits = {
        ("external", "gateway"): usually(1, 1),
        ("gateway", "pay"): usually(2, 300),
        ("pay", "db"): usually(2, 300),
        ("gateway", "mail"): usually(2, 2),
    }
    made(tmp_path, operations, None, waits)
    first = suspects()[0]
    assert (first["service"], first["evidence_kind"]) == ("pay", "hop")
    assert (first["value_before"], first["value_now"]) == (2, 300)
    assert first["because"].startswith("calls from gateway to pay wait 300 ms beyond")


def test_an_operation_that_runs_no_more_names_its_service(
    tmp_path: Path, suspects: Callable[[], list[Row]]
) -> None:
    made(tmp_path, {**SHOP, ("pay", "charge"): usually(40, 0)}, None, CALLS)
    (first,) = suspects()
    assert (first["service"], first["endpoint"]) == ("pay", "charge")
    assert first["because"] == "charge runs 0.00 times a request, usually 1.00 times"


def test_what_is_as_usual_suspects_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, SHOP, None, CALLS)
    assert run(tmp_path, monkeypatch) == 0
    assert "No service differs" in capsys.readouterr().out


def test_callers_in_a_circle_end_the_path(
    tmp_path: Path, suspects: Callable[[], list[Row]]
) -> None:
    made(
        tmp_path, SHOP, {("pay", "/pay", "a.Pay#7"): usually(40, 4)},
        {("pay", "gateway"): usually(1, 1), ("gateway", "pay"): usually(1, 1)},
    )  # fmt: skip
    assert suspects()[0]["service_path"] == ["gateway", "pay"]


def test_environments_are_ranked_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, SHOP, {("pay", "/pay", "a.Pay#7"): usually(40, 4)}, CALLS)
    made(tmp_path, SHOP, {("pay", "/pay", "a.Pay#7"): usually(40, 40)}, CALLS, "staging")
    for environment, count in (("production", 1), ("staging", 0)):
        assert run(tmp_path, monkeypatch, "--json", "--environment", environment) == 0
        assert json.loads(capsys.readouterr().out)["candidate_count"] == count


def test_several_incidents_are_read_once_and_answered_as_each_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, SHOP, {("pay", "/pay", "a.Pay#7"): usually(40, 4)}, CALLS)
    made(tmp_path, SHOP, {("gateway", "/buy", "a.Buy#1"): usually(40, 4)}, CALLS, "staging")
    long, short = (TimeRange(START, START + length * MINUTE) for length in (3, 2))
    incidents = [(None, long), ("production", long), ("staging", short), ("elsewhere", long)]
    lake = DeltaLake(tmp_path)
    alone = [suspects_of(AsOfReader(lake, None), time, name, 6) for name, time in incidents]
    names = [[row["service"] for row in found] for found in alone]
    assert names == [["pay", "gateway"], ["pay"], ["gateway"], []]
    read = []

    class Reader(AsOfReader):
        def arrow(self, name: str, *words: Any) -> Any:
            read.append(name)
            return super().arrow(name, *words)

    assert suspects_of_each(Reader(lake, None), incidents, 6) == alone
    assert len(read) == len(set(read))


def test_exit_codes_tell_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, monkeypatch) == 1
    assert "has no gold.operation_minutes" in capsys.readouterr().err
    made(tmp_path, SHOP, {("pay", "/pay", "\x1b[2Jgone"): usually(40, 4)}, CALLS)
    assert run(tmp_path, monkeypatch, "--from", (START + 5 * MINUTE).isoformat()) == 2
    assert run(tmp_path, monkeypatch, start=timedelta(days=9)) == 3
    capsys.readouterr()
    assert run(tmp_path, monkeypatch) == 0
    out = capsys.readouterr().out
    assert "path gateway -> pay" in out and "\x1b" not in out
    with pytest.raises(SystemExit):
        run(tmp_path, monkeypatch, "--top", "0")


def test_an_incident_tells_its_suspects_first(tmp_path: Path) -> None:
    small_lakes.make(tmp_path)
    assert answer(DeltaLake(tmp_path), Question())["suspects"] == []
    made(tmp_path, SHOP, {("pay", "/pay", "a.Pay#7"): usually(40, 4)}, CALLS)
    told = answer(DeltaLake(tmp_path), Question())
    assert [row["service"] for row in told["suspects"]] == ["pay"]
    lines = text(told).splitlines()
    assert lines[3].startswith("Suspected: pay, because ") and "gateway -> pay" in lines[4]


def with_silver(lake: Path) -> None:
    """Write Silver's events of a trace a minute; in the incident the statement is not reached."""
    minutes = [(START + n * MINUTE, n in NOW) for n in range(-10, 13)]
    several = [(at + timedelta(seconds=n), is_now) for at, is_now in minutes for n in range(5)]
    named = {"environment": "production", "partition_date": DAY}
    spans = [
        {**named, "started_at": at, "service": service, "endpoint": endpoint, "is_request": True}
        for at, _ in several
        for service, endpoint in SHOP
    ]
    logs = [
        {**named, "logged_at": at, "service": "pay", "endpoint": "/pay", "statement": "a.Pay#7",
         "trace_id": f"{at:%H%M%S}", "span_id": "a1", "span_started_at": at}
        for at, is_now in several
        if not is_now
    ]  # fmt: skip
    calls = [
        {**named, "started_at": at, "server_started_at": at, "source_service": source,
         "target_service": target, "is_self_call": False, "wait_ms": 1.0,
         "trace_id": f"{at:%H%M%S}"}
        for at, _ in several
        for source, target in CALLS
    ]  # fmt: skip
    for name, rows in (("spans", spans), ("log_records", logs), ("service_calls", calls)):
        data = pa.Table.from_pylist(rows)
        write_deltalake(str(lake / "silver" / name), data, partition_by=["partition_date"])
    windows = [
        {**named, "window_start": at, "service": "pay", "endpoint": "/pay", "request_count": 5,
         "error_count": 0, "error_log_count": 0, "p95_latency_ms": 2.0}
        for at, _ in minutes
    ]  # fmt: skip
    data = pa.Table.from_pylist(windows)
    target = str(lake / "gold" / "endpoint_minutes")
    write_deltalake(target, data, partition_by=["partition_date"])


def measure(cases: Path, out: Path) -> int:
    parser = argparse.ArgumentParser()
    evidence.add_arguments(parser)
    return evidence.run(parser.parse_args(["root-cause", "--cases", str(cases), "--out", str(out)]))


def test_evidence_counts_how_often_the_culprit_is_suspected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, cases = tmp_path / "lake", tmp_path / "cases.csv"
    monkeypatch.setenv("TRACEKEEP_LAKE", str(lake))
    made(lake, SHOP, {("pay", "/pay", "a.Pay#7"): usually(40, 4)}, CALLS)
    with_silver(lake)
    times = f"{START.isoformat()},{(START + 3 * MINUTE).isoformat()}"
    cases.write_text(f"case,start,end,service\none,{times},pay\ntwo,{times},gateway\n")
    assert measure(cases, tmp_path / "out") == 0
    told = json.loads((tmp_path / "out" / "root_cause.json").read_text())
    assert told["cases"] == 2
    assert told["gold_b"] == {"as1": 0.5, "as3": 0.5, "as5": 0.5, "path": 1.0}
    assert told["silver"] == {"as1": 0.5, "as3": 0.5, "as5": 0.5}
    assert told["gold_a"] == told["view"] == {"as1": 0.0, "as3": 0.0, "as5": 0.0}
    assert "| Gold B | 50.0% [9% to 91%] |" in (tmp_path / "out" / "root_cause.md").read_text()


@pytest.mark.parametrize(
    "text",
    ["", "case,start\n", "case,start,end,service\n", "case,start,end,service\na,b,c,d\n",
     "case,start,end,service\na,2026-01-02,2026-01-01,pay\n"],
)  # fmt: skip
def test_cases_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text(text)
    assert measure(cases, tmp_path) == 2
    assert measure(tmp_path / "nowhere", tmp_path) == 2
