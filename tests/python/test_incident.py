"""`tracekeep incident`: what it tells, also when layers forgot, and that log text does nothing.

All on lakes of a few rows without Spark; test_drill_down.py has what needs it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import small_lakes
from deltalake import DeltaTable
from small_lakes import ARRIVAL, DAY, FAILED, FINE, HOSTILE, LEFT_OUT, START

from tracekeep import incident
from tracekeep.incident import selection
from tracekeep.incident.answer import Question, answer
from tracekeep.incident.console import DETAILS, ONE_SCREEN, step_lines, text
from tracekeep.incident.delta_lake import DeltaLake, GoneError, interval
from tracekeep.incident.json_in_text import (
    MOST_FAILURES,
    UNREAD,
    attributes,
    parsed,
    rewritten,
)
from tracekeep.incident.masking import encodable, harmless
from tracekeep.incident.page import LONGEST_TEXT, embedded, page
from tracekeep.incident.reader import AsOfReader

Row = dict[str, Any]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    small_lakes.make(tmp_path)
    return tmp_path


def ask(lake: Path, now: datetime | None = None, **question: Any) -> Row:
    return answer(DeltaLake(lake, now), Question(**question))


def layers(told: Row) -> dict[str, str]:
    (trace,) = told["traces"]
    return {layer["layer"]: layer["status"] for layer in trace["layers"]}


def notes(told: Row, layer: str) -> str:
    (trace,) = told["traces"]
    return next(each["note"] or "" for each in trace["layers"] if each["layer"] == layer)


def in_a_month() -> datetime:
    return datetime.now(UTC) + timedelta(days=31)


# ---------------------------------------------------------------- found


def test_the_worst_window_is_found_with_its_path_its_change_and_its_raw_lines(lake: Path) -> None:
    told = ask(lake)
    assert told["status"] == "found"
    assert told["range"] == {"start": START, "end": START + MINUTE}
    assert told["worst_window"]["service"] == "db"
    assert [group["service_path"] for group in told["path_groups"]] == [["gateway", "shop", "db"]]
    assert [(p["is_new"], p["failures_in_range"]) for p in told["patterns"]] == [(True, 2)]
    assert [(c["service"], c["is_on_path"]) for c in told["changes"]] == [("db", True)]
    assert [(e["source_service"], e["error_count"]) for e in told["graph"]] == [("shop", 2)]
    (trace,) = told["traces"]
    assert trace["trace_id"] == FAILED and trace["is_fatal"] and trace["raw_line_count"] == 4
    assert [span["service"] for span in trace["spans"]] == ["gateway", "shop", "db"]
    assert layers(told) == {"gold": "found", "silver": "found", "bronze": "found"}


def test_layers_are_read_as_of_the_version_that_gold_names(lake: Path) -> None:
    late = small_lakes.span(FAILED, 4, "late", build_id="later", silver_version=1)
    small_lakes.write(lake, "silver.spans", [late])
    told = ask(lake, trace_id=FAILED)
    assert [span["service"] for span in told["traces"][0]["spans"]] == ["gateway", "shop", "db"]

    small_lakes.write(lake, "gold.sampled_spans", [late])
    small_lakes.write(lake, "gold.build_versions", small_lakes.builds("later", 1))
    told = ask(lake, trace_id=FAILED)
    assert [span["service"] for span in told["traces"][0]["spans"]][-1] == "late"


def test_an_old_version_answers_as_it_did_before_gold_was_built_again(lake: Path) -> None:
    before = ask(lake)
    commit = DeltaLake(lake)["gold.endpoint_minutes"].commits[0]
    small_lakes.forget(lake, "gold.endpoint_minutes")
    small_lakes.write(lake, "gold.endpoint_minutes", [small_lakes.window(5, "shop", 9, 9)])
    assert ask(lake)["worst_window"]["service"] == "shop"
    for as_of in (0, commit.at + timedelta(microseconds=1)):
        told = ask(lake, as_of=as_of)
        assert told["windows"] == before["windows"]
        assert told["traces"] == before["traces"] or isinstance(as_of, datetime)
        assert not any("endpoint_minutes" in note for note in told["notes"])


def test_a_time_is_the_last_commit_at_or_before_it(lake: Path) -> None:
    small_lakes.write(lake, "gold.endpoint_minutes", [small_lakes.window(5, "shop", 9, 9)])
    table = DeltaLake(lake)["gold.endpoint_minutes"]
    first, second = table.commits
    assert table.version_at(first.at) == 0
    assert table.version_at(second.at) == 1
    assert table.version_at(second.at + timedelta(days=900)) == 1
    with pytest.raises(GoneError, match="did not exist before"):
        table.version_at(first.at - timedelta(milliseconds=1))
    told = ask(lake, as_of=first.at - timedelta(days=1))
    assert told["status"] == "unknown" and "no Gold as of" in told["message"]


def test_a_trace_that_the_sample_leaves_out_is_read_from_silver(lake: Path) -> None:
    told = ask(lake, trace_id=LEFT_OUT)
    assert layers(told) == {"gold": "not_kept", "silver": "found", "bronze": "found"}


def test_service_and_range_narrow_the_answer(lake: Path) -> None:
    found = ask(lake, start=START, end=START + 2 * MINUTE, service="db")
    assert found["request_count"] == 5 and found["error_trace_count"] == 1
    other = ask(lake, start=START, end=START + MINUTE, service="x' or 1=1 --")
    assert other["status"] == "unknown"


def failed_path(service: str, **columns: Any) -> Row:
    """A path of one step, of a trace of its own."""
    return {
        **small_lakes.span(service[0] * 32, 1, service, is_error=True),
        "fingerprint": "e" * 16, "suspected_root_cause": service, "service_path": [service],
        "steps": [], "critical_path": [], "marks": [], "path_rank": 1, "path_count": 1,
        "is_fatal": False, **columns,
    }  # fmt: skip


def test_a_path_of_a_trace_that_began_on_the_day_before_is_told(lake: Path) -> None:
    midnight = START.replace(hour=0, minute=0) + timedelta(days=1)
    late = small_lakes.window(0, "bank", 5, 5)
    late |= {"window_start": midnight, "partition_date": midnight.date(), "sample_trace_ids": []}
    small_lakes.write(lake, "gold.endpoint_minutes", [late])
    path = failed_path("bank", started_at=midnight + timedelta(seconds=5))
    small_lakes.write(lake, "gold.incident_paths", [path])
    told = ask(lake, start=midnight, end=midnight + MINUTE)
    assert [group["service_path"] for group in told["path_groups"]] == [["bank"]]
    assert told["error_trace_count"] == 1
    assert ask(lake, start=midnight - MINUTE, end=midnight)["status"] == "unknown"


def test_errors_inside_traces_are_not_called_none(lake: Path) -> None:
    path = failed_path("db", started_at=START + MINUTE)
    small_lakes.write(lake, "gold.incident_paths", [path])
    told = ask(lake, start=START + MINUTE, end=START + 2 * MINUTE)
    assert told["message"].startswith("No request failed from")
    assert "1 traces hold an error" in told["message"]
    small_lakes.forget(lake, "gold.endpoint_minutes")
    told = ask(lake)
    assert told["status"] == "unknown" and "2 paths of errors inside traces" in told["message"]


def test_a_change_that_names_no_environment_may_be_the_cause(lake: Path) -> None:
    change = {"changed_at": START - MINUTE, "partition_date": DAY, "service": "db"}
    changes = [{**change, "change_key": of, "environment": of} for of in ("unknown", "staging")]
    small_lakes.write(lake, "gold.change_effects", changes)
    told = ask(lake)["changes"]
    assert [each["environment"] for each in told] == ["unknown", "production"]


def test_environments_are_kept_apart_and_named(lake: Path) -> None:
    other = {
        **small_lakes.window(0, "db", 9, 1, "disk full"), "environment": "staging", "region": "us",
    }  # fmt: skip
    small_lakes.write(lake, "gold.endpoint_minutes", [other])
    pattern = {"environment": "staging", "fingerprint": "f" * 16, "service": "db",
               "first_seen_at": START - timedelta(days=300)}  # fmt: skip
    small_lakes.write(lake, "gold.error_patterns", [pattern])
    both = ask(lake, start=START, end=START + MINUTE)
    assert both["environments"] == ["production", "staging"] and both["request_count"] == 11
    assert [(p["environment"], p["failures_in_range"]) for p in both["patterns"]] == [
        ("production", 2), ("staging", 1),
    ]  # fmt: skip
    assert {p["first_seen_at"] for p in both["patterns"] if p["environment"] != "staging"} == {
        START
    }
    shown = text(both)
    assert "environment production, staging" in shown and " staging      us " in shown
    for question in ({}, {"trace_id": FAILED}):
        assert ask(lake, **question)["environments"] == ["production"]
    one = ask(lake, start=START, end=START + MINUTE, environment="staging")
    assert one["request_count"] == 9 and one["environments"] == ["staging"]
    assert ask(lake, environment="staging")["worst_window"]["region"] == "us"


def test_windows_that_list_some_kinds_of_error_alone_say_so(lake: Path) -> None:
    many = {**small_lakes.window(0, "shop", 9, 9), "pattern_count": 30}
    small_lakes.write(lake, "gold.endpoint_minutes", [many])
    assert any("more kinds of error" in note for note in ask(lake)["notes"])


def test_a_version_that_expiry_left_belongs_to_the_build_before_it(lake: Path) -> None:
    small_lakes.write(lake, "silver.spans", [small_lakes.span(FAILED, 4, "late")])
    small_lakes.forget(lake, "gold.endpoint_minutes")
    small_lakes.write(lake, "gold.endpoint_minutes", [small_lakes.window(0, "db", 2, 2)])
    at = DeltaLake(lake)["gold.endpoint_minutes"].commits[-1].at
    for build, version in (("later", 2), ("latest", 3)):
        started = at + timedelta(hours=1) if build == "latest" else at - timedelta(hours=1)
        build_id = f"{started:%Y%m%dT%H%M%SZ}-{build}"
        rows = [
            {"build_id": build_id, "table_name": name, "table_version": at_build}
            for name, at_build in (("gold.endpoint_minutes", version), ("silver.spans", 1))
        ]
        small_lakes.write(lake, "gold.build_versions", rows)
    for _ in range(2):
        small_lakes.write(lake, "gold.endpoint_minutes", [small_lakes.window(9, "db", 1, 0)])
    reader = AsOfReader(DeltaLake(lake), 3)
    assert reader.version_of("silver.spans") == 1
    told = {v: AsOfReader(DeltaLake(lake), v).build_asked_for for v in (0, 1, 2, 3)}
    assert told[0] == small_lakes.BUILD and told[1] == told[2] == told[3]
    assert told[2].endswith("later")


def test_a_trace_that_came_after_the_time_asked_for_is_unknown(lake: Path) -> None:
    before = DeltaLake(lake)["gold.build_versions"].commits[-1].at + timedelta(milliseconds=2)
    late = small_lakes.span("9" * 32, 1, "late", is_error=True)
    small_lakes.write(lake, "silver.traces", [{**late, "is_kept": True, "ended_at": START}])
    small_lakes.write(lake, "bronze.spans", [{**late, "start_time_unix_nano": 1}])
    told = ask(lake, trace_id="9" * 32, as_of=before)
    assert told["status"] == "unknown" and "no layer held then" in told["message"]


def test_an_error_trace_that_gold_has_not_taken_is_not_called_one_without_an_error(
    lake: Path,
) -> None:
    late = small_lakes.span("9" * 32, 1, "late", is_error=True)
    small_lakes.write(lake, "silver.traces", [{**late, "is_kept": True, "ended_at": START}])
    small_lakes.write(lake, "silver.spans", [late])
    told = ask(lake, trace_id="9" * 32)
    assert layers(told)["gold"] == "unknown" and "not taken it yet" in notes(told, "gold")
    assert "(inner error, 1 spans)" in text(told)


def test_a_lake_without_bronze_still_answers(lake: Path) -> None:
    shutil.rmtree(lake / "bronze")
    assert layers(ask(lake)) == {"gold": "found", "silver": "found", "bronze": "expired"}
    assert layers(ask(lake, trace_id=FAILED))["silver"] == "found"


def test_what_the_console_leaves_out_is_counted(lake: Path) -> None:
    paths = [failed_path(f"{digit}x") for digit in "0123456789"]
    small_lakes.write(lake, "gold.incident_paths", paths)
    assert "9 more error traces" in text(ask(lake, trace_count=2), replace(ONE_SCREEN, traces=2))
    log = {
        **small_lakes.span(LEFT_OUT, 3, "db"), "severity_text": "INFO", "is_error": False,
        "logged_at": START,
    }  # fmt: skip
    small_lakes.write(lake, "silver.log_records", [{**log, "body": str(n)} for n in range(9)])
    assert "9 more log records" in text(ask(lake, trace_id=LEFT_OUT), DETAILS)


# ---------------------------------------------------------------- when it is over


def test_expired_bronze_says_since_when_and_silver_tells(lake: Path) -> None:
    at = ARRIVAL + timedelta(days=8)
    for table in ("bronze.spans", "bronze.log_records"):
        small_lakes.expire(lake, table, ARRIVAL.date(), at)
    told = ask(lake)
    assert layers(told) == {"gold": "found", "silver": "found", "bronze": "expired"}
    assert "2026-01-21 01:00:00 UTC" in notes(told, "bronze")
    assert told["traces"][0]["span_count"] == 3


def test_of_an_error_trace_gold_keeps_everything(lake: Path) -> None:
    at = START + timedelta(days=91)
    for table in ("spans", "log_records"):
        small_lakes.expire(lake, f"bronze.{table}", ARRIVAL.date(), at)
        small_lakes.expire(lake, f"silver.{table}", DAY, at)
    small_lakes.forget(lake, "silver.traces")
    told = ask(lake, now=in_a_month())
    (trace,) = told["traces"]
    assert layers(told) == {"gold": "found", "silver": "expired", "bronze": "expired"}
    assert trace["told_by"] == "gold"
    assert trace["span_count"] == 3 and trace["log_record_count"] == 1 and trace["steps"]
    assert "expired 2026-04-13" in notes(told, "silver")


def test_a_trace_of_which_a_day_has_expired_is_told_by_gold(lake: Path) -> None:
    night = small_lakes.span(FAILED, 4, "night", started_at=START + timedelta(days=1),
                             partition_date=DAY + timedelta(days=1))  # fmt: skip
    for table in ("silver.spans", "gold.sampled_spans"):
        small_lakes.write(lake, table, [night])
    small_lakes.expire(lake, "silver.spans", DAY, START + timedelta(days=91))
    told = ask(lake, trace_id=FAILED)
    (trace,) = told["traces"]
    assert layers(told)["silver"] == "found" and "in part" in notes(told, "silver")
    assert trace["told_by"] == "gold" and trace["span_count"] == 4


def test_rows_that_went_unrecorded_are_expired_and_not_unknown(lake: Path) -> None:
    for table in ("bronze.spans", "bronze.log_records"):
        small_lakes.forget(lake, table)
        for path in lake.joinpath(*table.split(".")).rglob("*.parquet"):
            path.unlink()
    assert layers(ask(lake))["bronze"] == "expired"


def test_beyond_the_travel_window_what_is_still_there_is_read_as_of_now(lake: Path) -> None:
    small_lakes.write(lake, "silver.spans", [small_lakes.span(FINE, 2, "late")])
    told = ask(lake, now=in_a_month(), trace_id=FAILED)
    assert layers(told)["silver"] == "found"
    assert "older than its travel window of 7 days" in notes(told, "silver")
    assert "as of now, version 1" in notes(told, "silver")


@pytest.mark.parametrize("is_vacuumed", [True, False])
def test_without_files_or_log_a_version_is_gone(lake: Path, is_vacuumed: bool) -> None:
    folder = lake / "silver" / "spans"
    small_lakes.write(lake, "silver.spans", [small_lakes.span(FINE, 2, "late")])
    table = DeltaTable(str(folder))
    if is_vacuumed:
        table.optimize.compact()
        table.vacuum(0, enforce_retention_duration=False, dry_run=False)
    else:
        table.create_checkpoint()
        (folder / "_delta_log" / f"{0:020d}.json").unlink()
    with pytest.raises(GoneError):
        DeltaLake(lake)["silver.spans"].rows(version=0)
    told = ask(lake, trace_id=FAILED)
    assert layers(told)["silver"] == "found" and "as of now" in notes(told, "silver")


def test_what_was_never_there_is_unknown(lake: Path) -> None:
    told = ask(lake, trace_id="e" * 32)
    assert told["status"] == "unknown" and "never" in told["message"]


def test_an_error_that_came_after_its_day_expired_is_told(lake: Path) -> None:
    small_lakes.write(lake, "gold.error_events", small_lakes.late_errors("e" * 32))
    small_lakes.expire(lake, "silver.spans", small_lakes.DAY, ARRIVAL)
    told = ask(lake, trace_id="e" * 32)
    assert layers(told) == {"gold": "found", "silver": "expired", "bronze": "expired"}
    (trace,) = told["traces"]
    assert [span["error_message"] for span in trace["spans"]] == ["late and new"]
    assert [log["body"] for log in trace["log_records"]] == ["ERROR late"]
    # those of a trace that Gold holds besides are not told twice
    before = ask(lake, trace_id=FAILED)["traces"][0]
    small_lakes.write(
        lake,
        "gold.error_events",
        [
            {**row, "event_type": "span", "occurred_at": row["started_at"]}
            for row in DeltaTable(str(lake / "gold/sampled_spans")).to_pyarrow_table().to_pylist()
            if row["is_error"]
        ],
    )
    assert ask(lake, trace_id=FAILED)["traces"][0]["spans"] == before["spans"]


def test_an_empty_range_says_so_and_what_gold_holds(lake: Path) -> None:
    day = datetime(2025, 5, 5, tzinfo=UTC)
    told = ask(lake, start=day, end=day + MINUTE)
    assert told["status"] == "unknown"
    assert "none came" in told["message"] and "2026-01-12 10:15:00 UTC" in told["message"]
    small_lakes.expire(lake, "gold.endpoint_minutes", day.date(), day + timedelta(days=31))
    told = ask(lake, start=day, end=day + MINUTE)
    assert told["status"] == "expired" and "expired 2025-06-05" in told["message"]


def test_a_range_without_errors_says_how_much_went_well(lake: Path) -> None:
    told = ask(lake, start=START + MINUTE, end=START + 2 * MINUTE)
    assert told["status"] == "found" and "3 requests in 1 windows, none failed" in told["message"]


def test_an_erased_trace_is_erased(lake: Path) -> None:
    small_lakes.erase(lake, "e" * 32)
    told = ask(lake, trace_id="e" * 32)
    assert told["status"] == "erased"
    assert f"was erased {ARRIVAL:%Y-%m-%d}" in told["message"]
    assert ask(lake, trace_id="d" * 32)["status"] == "unknown"


def test_what_was_committed_since_is_taken(lake: Path) -> None:
    asked = DeltaLake(lake)
    first = asked["silver.spans"]
    assert first.version == 0
    asked.refresh()
    assert asked["silver.spans"] is first
    small_lakes.write(lake, "silver.spans", [])
    asked.refresh()
    assert asked["silver.spans"].version == 1
    # an erasure leaves only the entries from its last version on
    for _ in range(2):
        small_lakes.write(lake, "silver.spans", [])
    DeltaTable(str(lake / "silver/spans")).create_checkpoint()
    for entry in sorted((lake / "silver/spans/_delta_log").glob("*.json"))[:-1]:
        entry.unlink()
    asked.refresh()
    assert asked["silver.spans"].version == 3


def test_versions_before_an_erasure_answer_erased(lake: Path) -> None:
    table = DeltaTable(str(lake / "silver/spans"))
    small_lakes.write(lake, "silver.spans", [])
    table.update_incremental()
    table.alter.set_table_properties(
        {"tracekeep.erasedAt": ARRIVAL.isoformat()}, raise_if_not_exists=False
    )
    table.create_checkpoint()
    for entry in sorted((lake / "silver/spans/_delta_log").glob("*.json"))[:-1]:
        entry.unlink()
    told = ask(lake, trace_id=FAILED)
    assert layers(told)["silver"] == "found"
    assert f"versions of silver.spans before 2 were erased {ARRIVAL:%Y-%m-%d}" in notes(
        told, "silver"
    )
    with pytest.raises(GoneError, match="were erased"):
        DeltaLake(lake)["silver.spans"].version_at(ARRIVAL - timedelta(days=1))


def test_a_trace_that_silver_has_not_taken_yet_is_read_from_bronze(lake: Path) -> None:
    record = {
        "trace_id": "e" * 32, "span_id": "1" * 16, "raw_text": "{}", "source_file": "f",
        "start_time_unix_nano": int(START.timestamp() * 1e9), "partition_date": ARRIVAL.date(),
    }  # fmt: skip
    small_lakes.write(lake, "bronze.spans", [record])
    told = ask(lake, trace_id="e" * 32)
    assert told["status"] == "found"
    assert layers(told) == {"gold": "unknown", "silver": "unknown", "bronze": "found"}


def test_hours_tell_of_a_time_whose_minutes_have_expired(lake: Path) -> None:
    small_lakes.forget(lake, "gold.endpoint_minutes")
    hour = {**small_lakes.window(-15, "db", 60, 31, "disk full"), "p95_latency_ms": None}
    small_lakes.write(lake, "gold.endpoint_hours", [hour])
    for question in ({}, {"start": START, "end": START + MINUTE}):
        told = ask(lake, **question)
        assert told["window_minutes"] == 60 and told["error_count"] == 31
        assert [group["trace_count"] for group in told["path_groups"]] == [1]


def test_minutes_that_came_back_do_not_hide_the_hours(lake: Path) -> None:
    hour = {**small_lakes.window(-15, "db", 60, 31, "disk full"), "p95_latency_ms": None}
    small_lakes.write(lake, "gold.endpoint_hours", [hour])
    small_lakes.expire(lake, "gold.endpoint_minutes", START.date(), small_lakes.ARRIVAL)
    small_lakes.write(lake, "gold.endpoint_minutes", [small_lakes.window(0, "db", 1, 0)])
    told = ask(lake, start=START, end=START + MINUTE)
    assert told["window_minutes"] == 60 and told["error_count"] == 31
    assert "Only the hours of this time are left" in " ".join(told["notes"])


def test_hours_tell_what_was_new_in_them(lake: Path) -> None:
    small_lakes.forget(lake, "gold.endpoint_minutes")
    hour = {**small_lakes.window(-15, "db", 60, 31, "disk full"), "p95_latency_ms": None}
    later = {**hour, "window_start": hour["window_start"] + timedelta(hours=1)}
    small_lakes.write(lake, "gold.endpoint_hours", [hour, later])

    def is_new(hours: int) -> bool:
        start = START + timedelta(hours=hours)
        (pattern,) = ask(lake, start=start, end=start + MINUTE)["patterns"]
        return pattern["is_new"]

    assert is_new(0) and not is_new(1)
    # what is left of errors that had a stack trace alone
    (pattern,) = DeltaTable(str(lake / "gold/error_patterns")).to_pyarrow_table().to_pylist()
    small_lakes.forget(lake, "gold.error_patterns")
    gone = {**pattern, "error_template": "", "top_frame": "erased"}
    small_lakes.write(lake, "gold.error_patterns", [gone])
    assert not is_new(0)
    small_lakes.forget(lake, "gold.error_patterns")
    small_lakes.write(lake, "gold.error_patterns", [pattern])
    assert is_new(0)
    # the environment had been watched for less than the warm-up
    young = {"environment": "production", "first_event_at": START - timedelta(minutes=60)}
    small_lakes.forget(lake, "gold.environment_days")
    small_lakes.write(lake, "gold.environment_days", [young])
    assert not is_new(0)


def test_what_the_hours_would_hold_has_not_expired_with_the_minutes(lake: Path) -> None:
    hour = small_lakes.window(-15, "db", 60, 31, "disk full")
    small_lakes.write(lake, "gold.endpoint_hours", [hour])
    small_lakes.expire(lake, "gold.endpoint_minutes", START.date(), small_lakes.ARRIVAL)
    told = ask(lake, start=START, end=START + MINUTE, service="nope")
    assert told["status"] == "unknown" and "none came" in told["message"]
    small_lakes.expire(lake, "gold.endpoint_hours", START.date(), small_lakes.ARRIVAL)
    told = ask(lake, start=START, end=START + MINUTE)
    assert told["path_groups"] and "windows of these days expired" in told["message"]
    small_lakes.forget(lake, "gold.incident_paths")
    assert ask(lake, start=START, end=START + MINUTE)["status"] == "expired"


def test_days_that_have_expired_hide_no_other_day_of_an_old_version(lake: Path) -> None:
    next_day = {**small_lakes.window(0, "db", 9, 9), "partition_date": DAY + timedelta(days=1)}
    next_day["window_start"] += timedelta(days=1)
    small_lakes.write(lake, "gold.endpoint_minutes", [next_day])
    small_lakes.expire(lake, "gold.endpoint_minutes", DAY, ARRIVAL)
    small_lakes.forget(lake, "gold.endpoint_minutes")
    told = ask(lake, as_of=1)
    assert told["worst_window"]["window_start"] == next_day["window_start"]
    versions = {each["table_name"]: each["version"] for each in told["versions"]}
    assert versions["gold.endpoint_minutes"] == 1
    without = "gold.endpoint_minutes is read without the days that have expired since"
    assert any(note.startswith(without) for note in told["notes"])
    told = ask(lake, as_of=1, start=START, end=START + MINUTE)
    assert not told["windows"] and "windows of these days expired" in told["message"]


def test_paths_of_a_service_without_windows_are_told(lake: Path) -> None:
    told = ask(lake, start=START, end=START + MINUTE, service="gateway")
    assert told["status"] == "found" and told["environments"] == ["production"]
    assert "1 traces hold an error: no window of service gateway" in told["message"]
    assert [trace["trace_id"] for trace in told["traces"]] == [FAILED]
    assert "gateway" in text(told) and page(told)


def test_hours_of_the_environment_asked_for_are_looked_at(lake: Path) -> None:
    hour = {**small_lakes.window(-15, "db", 60, 31, "disk full"), "environment": "staging"}
    small_lakes.write(lake, "gold.endpoint_hours", [hour])
    assert ask(lake, environment="staging")["worst_window"]["environment"] == "staging"
    assert "in environment other" in ask(lake, environment="other")["message"]


def test_a_trace_that_bronze_alone_has_waits_for_silver(lake: Path) -> None:
    late = small_lakes.span("9" * 32, 1, "late", is_error=True)
    small_lakes.write(lake, "bronze.spans", [{**late, "start_time_unix_nano": 1}])
    told = ask(lake, trace_id="9" * 32)
    assert layers(told) == {"gold": "unknown", "silver": "unknown", "bronze": "found"}
    assert "Silver has not taken it yet" in notes(told, "silver") and notes(told, "gold")


def test_an_old_version_that_is_gone_hides_no_expired_minutes(lake: Path) -> None:
    hour = small_lakes.window(-15, "db", 60, 31, "disk full")
    small_lakes.write(lake, "gold.endpoint_hours", [hour])
    at = DeltaLake(lake)["gold.endpoint_hours"].commits[0].at
    small_lakes.expire(lake, "gold.endpoint_minutes", START.date(), small_lakes.ARRIVAL)
    small_lakes.write(lake, "gold.endpoint_minutes", [small_lakes.window(0, "db", 1, 0)])
    question = {"start": START, "end": START + MINUTE, "as_of": at}
    told = ask(lake, in_a_month(), **question)
    assert told["window_minutes"] == 60 and told["error_count"] == 31


def test_a_lake_whose_bronze_lost_files_still_answers_from_what_is_left(lake: Path) -> None:
    for path in lake.joinpath("bronze", "spans").rglob("*.parquet"):
        path.unlink()
    told = ask(lake)
    assert layers(told)["silver"] == "found" and told["traces"][0]["raw_line_count"] == 1
    assert any("bronze.spans cannot be read" in note for note in told["notes"])


@pytest.mark.parametrize(
    ("text_", "length"),
    [
        ("interval 7 days", timedelta(days=7)),
        ("interval 1 week 12 hours", timedelta(days=7.5)),
        ("INTERVAL 90 DAY", timedelta(days=90)),
    ],
)
def test_intervals_of_delta_are_read(text_: str, length: timedelta) -> None:
    assert interval(text_) == length
    with pytest.raises(ValueError, match="no interval"):
        interval("interval 1 month")


# ---------------------------------------------------------------- which windows, which steps


def chosen_of(windows: list[Row]) -> pa.Table:
    """What the choice of a window is made of."""
    schema = pa.schema(small_lakes.SCHEMAS["gold.endpoint_minutes"])
    rows = [{name: window.get(name) for name in schema.names} for window in windows]
    return pa.Table.from_pylist(rows, schema).select(selection.CHOICE_COLUMNS)


def worst_of(windows: list[Row]) -> Row:
    """The worst window of some."""
    found = selection.worst_window(chosen_of(windows))
    assert found
    return windows[found["place"]]


def test_the_worst_window_fails_most_of_those_above_the_rate() -> None:
    windows = [
        small_lakes.window(0, "busy", 100, 30),
        small_lakes.window(1, "db", 4, 3),
        small_lakes.window(2, "db", 2, 2),
    ]
    assert worst_of(windows) == windows[1]
    assert worst_of(windows[:1])["service"] == "busy"
    assert selection.worst_window(chosen_of([small_lakes.window(0, "db", 5, 0)])) is None


def test_of_equal_windows_that_with_most_errors_near_it_is_the_worst() -> None:
    minutes = (0, 20, 25, 31, 60)
    windows = [small_lakes.window(minute, "db", 2, 2) for minute in minutes]
    assert worst_of(windows) == windows[1]
    canary = {**windows[0], "environment": "canary"}
    assert worst_of([canary, windows[0], windows[3], windows[4]]) == canary
    assert worst_of([canary, windows[0], *windows[1:3]]) == windows[1]


def test_a_request_that_failed_comes_before_error_logs_below_the_rate() -> None:
    logs = {**small_lakes.window(0, "db", 9, 0), "error_log_count": 7}
    assert worst_of([logs, small_lakes.window(1, "shop", 9, 1)])["service"] == "shop"
    without_request = {**logs, "request_count": 0, "error_rate": None}
    assert worst_of([without_request, small_lakes.window(1, "shop", 9, 1)])["service"] == "db"


def test_error_logs_alone_make_an_incident_too() -> None:
    windows = [
        {**small_lakes.window(minute, "db", 9, 0), "error_log_count": 3} for minute in range(3)
    ]
    worst = selection.worst_window(chosen_of(windows))
    assert worst and worst["place"] == 0
    found = selection.incident_range(chosen_of(windows), worst, MINUTE)
    assert (found.start, found.end) == (START, START + 3 * MINUTE)


def test_an_incident_reaches_over_gaps_of_five_minutes() -> None:
    minutes = (0, 5, 9, 30)
    windows = [small_lakes.window(minute, "db", 2, 2) for minute in minutes]
    found = selection.incident_range(chosen_of(windows), windows[1], MINUTE)
    assert (found.start, found.end) == (START, START + 10 * MINUTE)


def test_a_timeline_of_a_long_time_has_few_points() -> None:
    windows = [small_lakes.window(minute, "db", 2, minute % 2) for minute in range(1000)]
    shown = selection.TimeRange(START, START + 1000 * MINUTE)
    points = selection.timeline(windows, shown, MINUTE)
    assert len(points) <= selection.POINTS
    assert sum(point["error_count"] for point in points) == 500


def test_paths_of_a_trace_share_their_steps() -> None:
    steps = [small_lakes.span(FAILED, number, "a") for number in range(1, 4)]
    other = {**steps[2], "span_id": "9" * 16}
    paths = [
        {"path_rank": rank, "steps": [*steps[:2], end], "error_type": "E", "error_message": "m"}
        for rank, end in enumerate((steps[2], other), 1)
    ]
    tree = selection.step_tree(paths)
    assert [step["span_id"] for step in tree] == [*(step["span_id"] for step in steps), "9" * 16]
    assert [step["depth"] for step in tree] == [0, 1, 2, 2]
    assert [step["is_last"] for step in tree] == [True, True, False, True]
    assert [step["error_type"] for step in tree] == [None, None, "E", "E"]
    assert [step["is_end"] for step in tree] == [False, False, True, True]


def test_a_path_that_ends_on_the_way_of_another_is_seen_without_an_error_type() -> None:
    steps = [small_lakes.span(FAILED, number, "a") for number in range(1, 4)]
    paths = [
        {"path_rank": rank, "steps": steps[:depth], "error_type": None, "error_message": None}
        for rank, depth in ((1, 3), (2, 1))
    ]
    tree = selection.step_tree(paths)
    assert [step["is_end"] for step in tree] == [True, False, True]
    assert ["ERROR LOG" in line for line in step_lines(tree)] == [True, False, True]


def test_a_waterfall_holds_circles_orphans_and_deep_traces() -> None:
    deep = [small_lakes.span(FAILED, number, "a") for number in range(1, 3001)]
    shown = selection.in_tree_order(deep)
    assert [span["depth"] for span in shown] == list(range(3000))
    steps = selection.step_tree([{**deep[0], "path_rank": 1, "steps": deep}])
    assert len(list(step_lines(steps))) == len(json.loads(embedded(steps))) == 3000
    circle = [{**deep[0], "parent_span_id": deep[1]["span_id"]}, deep[1]]
    assert len(selection.in_tree_order(circle)) == 2
    orphan = {**deep[4], "parent_span_id": "8" * 16}
    assert selection.in_tree_order([orphan])[0]["depth"] == 0


# ---------------------------------------------------------------- hostile text


def test_log_text_can_do_nothing_in_the_page(tmp_path: Path) -> None:
    small_lakes.make(tmp_path, message=HOSTILE, raw=HOSTILE)
    html = page(ask(tmp_path))
    assert html == page(ask(tmp_path)), "the same answer gives the same page"
    assert html.lower().count("<script") == html.lower().count("</script") == 2
    assert "\x1b" not in html and "\u202e" not in html and "owned</" not in html
    (data,) = re.findall(r'<script type="application/json" id="answer">(.*)</script>', html)
    assert HOSTILE in [line["raw_text"] for line in json.loads(data)["traces"][0]["raw_lines"]]


def test_the_page_allows_its_own_script_and_style_alone(lake: Path) -> None:
    html = page(ask(lake))
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (held,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    script = html.rpartition("<script>")[2]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", script)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)


def test_long_texts_are_cut_in_the_page_and_say_so(tmp_path: Path) -> None:
    small_lakes.make(tmp_path, raw="x" * (LONGEST_TEXT + 5))
    assert "5 more characters" in page(ask(tmp_path))


def test_what_json_does_not_know_is_told_as_text() -> None:
    assert embedded({"at": START, "day": DAY, "text": "<&>"}) == (
        '{"at":"2026-01-12T10:15:00Z","day":"2026-01-12","text":"\\u003c\\u0026\\u003e"}'
    )


def test_log_text_can_do_nothing_on_the_console(tmp_path: Path) -> None:
    small_lakes.make(tmp_path, message=HOSTILE, raw=HOSTILE)
    shown = text(ask(tmp_path), DETAILS)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert "\\x1b" in shown and "\\u202e" in shown
    assert [line for line in shown.splitlines() if line.startswith("Incident")] == [
        shown.splitlines()[0]
    ]
    assert harmless("a\tb\r\nc\x9bd") == "a\\tb\\r\\nc\\x9bd"


MASKS = {"db.password": "[password]"}


@pytest.mark.parametrize(
    "frame", ["{}", "2026-01-12T10:15:00Z stdout F {}", "saved {}, [1] and {{"]
)
def test_values_of_secret_attributes_are_found_wherever_they_stand(frame: str) -> None:
    record = {
        "attributes": [{"key": "db.password", "value": {"stringValue": "hunter2"}}],
        "by": ["a@b.de"],
        "nested": [{"tags": [{"key": "n", "type": "string", "value": "kept"}]}],
        "tags": {"db.password": "hunter2", "route": "/pay"},
        "lists": [{"db.password": ["hunter2", 1]}, {"db.password": {"old": "hunter2"}}],
    }
    once = json.dumps(record)
    for line in (once, json.dumps({"log": f"{once}\n"}), json.dumps([{"log": json.dumps([once])}])):
        told = frame.format(line)
        names = {name for _, _, name in attributes(parsed(told))}
        assert {"db.password", "n", "route"} <= names
        assert rewritten(told, parsed(told), {"other": "[x]"}, {"none": "[x]"}) == told
        safe = rewritten(told, parsed(told), MASKS, {"a@b.de": "[email]"})
        assert "hunter2" not in safe and "kept" in safe and "/pay" in safe
        assert "[email]" in safe and "a@b.de" not in safe
        assert safe.startswith(told[:2]) and safe.endswith(told[-2:])


def test_escapes_hide_nothing_from_the_masks() -> None:
    text = r'F {"msg":"body {\u0022db.password\u0022:\u0022hunter2\u0022}"}'
    safe = rewritten(text, parsed(text), MASKS, {})
    assert safe == r'F {"msg":"body {\"db.password\":\"[password]\"}"}'


def test_json_of_any_shape_can_be_masked() -> None:
    for line in (
        '{"key": ["db.password"], "value": [1]}',
        "[[], {}, null, 1.5]",
        '"text" {broken',
        "",
        '{"db.password": null}',
        "[" * (MOST_FAILURES - 1),
        "[] " * 10_000,
    ):
        assert rewritten(line, parsed(line), MASKS, {}) == line
    assert encodable("a\ud800b") == "a?b"


@pytest.mark.parametrize("opening", ["[", '{"a":', "[x] {y} "])
def test_what_cannot_be_searched_for_secrets_is_not_shown(opening: str) -> None:
    line = '{"db.password":"hunter2"}'
    for told in (f"{line} {opening * 100_000}{line}", f"{opening * 100_000}{line}"):
        for text_of_it in (told, json.dumps({"log": told})):
            safe = rewritten(text_of_it, parsed(text_of_it), MASKS, {})
            assert UNREAD in safe and "hunter2" not in safe
            assert "[password]" in safe or not told.startswith(line)


# ---------------------------------------------------------------- the command


def run(lake: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(lake))
    parser = argparse.ArgumentParser()
    incident.add_arguments(parser)
    return incident.run(parser.parse_args(words))


def test_exit_codes_tell_what_came_of_it(
    lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lake, monkeypatch) == 0
    assert "gateway -> shop -> db" in capsys.readouterr().out
    assert run(lake, monkeypatch, "--json", "--trace", FAILED) == 0
    (trace,) = json.loads(capsys.readouterr().out)["traces"]
    assert trace["raw_lines"] == [] and trace["raw_line_count"] == 4
    assert run(lake, monkeypatch, "--raw-lines", "unmasked", "--json", "--trace", FAILED) == 0
    assert json.loads(capsys.readouterr().out)["traces"][0]["raw_lines"]
    assert run(lake, monkeypatch, "--trace", "e" * 32) == 3
    assert run(lake, monkeypatch, "--from", "2026-01-12") == 2
    assert run(lake, monkeypatch, "--as-of", "7") == 2
    assert "has no version 7" in capsys.readouterr().err
    assert run(lake / "nowhere", monkeypatch) == 1
    small_lakes.expire(lake, "gold.endpoint_minutes", datetime(2025, 5, 5).date(), START)
    assert run(lake, monkeypatch, "--from", "2025-05-05", "--to", "2025-05-06") == 4


@pytest.mark.parametrize(
    "words", [("--trace", "x' or '1'='1"), ("--from", "then"), ("--min-error-rate", "2"),
              ("--from", "0001-01-01T00:00+14:00"), ("--to", "9999-12-31T23:59"),
              ("--service", "a\udcff"),
              ("--traces", "0"), ("--as-of", "../x"), ("--vars", "[1]"), ("--vars", "{"),
              ("--vars", "{window_minutes: soon}")],
)  # fmt: skip
def test_arguments_that_are_none_are_refused(
    lake: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as refused:
        run(lake, monkeypatch, *words)
    assert refused.value.code == 2


def test_variables_that_the_layers_were_built_with_are_obeyed(
    lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--json", "--vars", "{window_minutes: 5}")
    assert run(lake, monkeypatch, *words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["window_minutes"] == 5 and told["range"]["end"] == "2026-01-12T10:20:00Z"


def test_a_page_is_masked_even_if_the_console_is_not(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "tracekeep.incident.masking.masked", lambda texts, _: ["MASKED" for _ in texts]
    )
    words = ("--html", str(tmp_path / "page.html"), "--raw-lines")
    assert run(lake, monkeypatch, *words, "unmasked") == 0
    html = (tmp_path / "page.html").read_text()
    assert "MASKED" in html and "GET /db\\" not in html
    assert "MASKED" not in capsys.readouterr().out
    assert run(lake, monkeypatch, *words) == 0
    assert "MASKED" in capsys.readouterr().out


def test_the_console_shows_one_screen(lake: Path) -> None:
    """Of an incident with more of everything than a screen holds."""
    many = [small_lakes.window(n, f"s{n}", 9, 9) for n in range(40)]
    small_lakes.write(lake, "gold.endpoint_minutes", many)
    small_lakes.write(
        lake, "gold.incident_paths", [failed_path(f"{digit}x") for digit in "0123456789"]
    )
    told = ask(lake, start=START, end=START + 40 * MINUTE)
    assert len(text(told).splitlines()) <= 50 < len(text(told, DETAILS).splitlines())
    assert all(len(line) <= 200 for line in text(told).splitlines())
