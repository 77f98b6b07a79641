"""Alerts: each told once, and corrected."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import small_lakes
from small_lakes import DAY, FAILED, HOSTILE, START

from tracekeep.__main__ import main
from tracekeep.alerts import WEBHOOK
from tracekeep.alerts.delivery import GOES_ON, messages
from tracekeep.alerts.verdicts import Alert, Looked, alerts_of
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.lake import project_variables

BEGIN, END = START + timedelta(minutes=30), START + timedelta(minutes=33)


@pytest.fixture(autouse=True)
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An hour in which nothing happens."""
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    monkeypatch.delenv(WEBHOOK, raising=False)
    write_minutes(tmp_path, {})
    hour = small_lakes.window(0, "db", 100, 0) | {"window_start": START.replace(minute=0)}
    small_lakes.write(tmp_path, "gold.endpoint_hours", [hour])
    first = {"environment": "production", "first_event_at": START - timedelta(days=1)}
    small_lakes.write(tmp_path, "gold.environment_days", [first])
    small_lakes.write(tmp_path, "gold.error_pattern_days", [])
    small_lakes.write(tmp_path, "gold.change_effects", [])
    write_batch(tmp_path, datetime.now(UTC))
    return tmp_path


def write_minutes(lake: Path, errors: dict[int, int], minutes: int = 60) -> None:
    """Minutes of 100 requests, of which so many failed."""
    if lake.joinpath("gold", "endpoint_minutes").exists():
        small_lakes.forget(lake, "gold.endpoint_minutes")
    windows = [small_lakes.window(n, "db", 100, errors.get(n, 0)) for n in range(minutes)]
    small_lakes.write(lake, "gold.endpoint_minutes", windows)


def write_batch(lake: Path, at: datetime) -> None:
    small_lakes.write(
        lake, "bronze.ingest_batches",
        [{"ingest_batch": 1, "committed_at": at, "partition_date": at.date()}],
    )  # fmt: skip


def write_change(lake: Path, **columns: Any) -> None:
    small_lakes.forget(lake, "gold.change_effects")
    change = {
        "change_key": "d" * 32, "change_kind": "deployment", "service": "db",
        "environment": "production", "service_version": "1.2", "changed_at": BEGIN,
        "neighbour_count": 0, "new_pattern_count": 0, "request_count_before": 3_000,
        "request_count_after": 3_000, "error_rate_before": 0.01, "error_rate_after": 0.05,
        "error_rate_effect": 0.04, "p95_latency_ms_before": 100.0, "p95_latency_ms_after": 110.0,
        "p95_latency_effect": 1.1, "partition_date": DAY,
    }  # fmt: skip
    small_lakes.write(lake, "gold.change_effects", [{**change, **columns}])


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command; returns what it tells."""

    def run(code: int = 0) -> list[Any]:
        assert main(["alert"]) == code
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def test_nothing_to_tell(told: Any) -> None:
    assert told() == []


def test_errors_are_told_once_and_once_when_they_are_over(lake: Path, told: Any) -> None:
    write_minutes(lake, {30: 20, 31: 20}, minutes=32)
    (alert,) = told()
    assert alert["status"] == "firing"
    assert alert["labels"] == {"alertname": "ErrorsAboveUsual", "environment": "production"}
    assert alert["startsAt"] == BEGIN.isoformat().replace("+00:00", "Z")
    assert alert["endsAt"] == GOES_ON
    assert alert["annotations"]["error_rate"] == "20.00%"
    assert alert["annotations"]["usual_error_rate"] == "0.00%"
    assert told() == []
    write_minutes(lake, {30: 20, 31: 20, 32: 60})
    (over,) = told()
    assert over["status"] == "resolved"
    assert over["endsAt"] == END.isoformat().replace("+00:00", "Z")
    assert over["fingerprint"] == alert["fingerprint"]
    assert "corrected" not in over["annotations"]
    assert told() == []


def test_late_data_that_moves_the_start_is_the_same_incident(lake: Path, told: Any) -> None:
    write_minutes(lake, {30: 20}, minutes=31)
    (alert,) = told()
    write_minutes(lake, {28: 20, 30: 20})
    (over,) = told()
    assert (over["status"], over["fingerprint"]) == ("resolved", alert["fingerprint"])


def test_late_data_takes_an_alert_back(lake: Path, told: Any) -> None:
    write_minutes(lake, {30: 20}, minutes=31)
    (alert,) = told()
    write_minutes(lake, {})
    (taken_back,) = told()
    assert taken_back["status"] == "resolved"
    assert taken_back["fingerprint"] == alert["fingerprint"]
    assert taken_back["annotations"]["verdict"] == "withdrawn"
    assert told() == []
    write_minutes(lake, {30: 20})
    (again,) = told()
    assert again["annotations"]["corrected"] == "before: withdrawn"


def test_a_change_that_did_harm_is_told_and_corrected(lake: Path, told: Any) -> None:
    write_change(lake, error_rate_after=0.011, error_rate_effect=0.001)
    assert told() == []
    write_change(lake, request_count_after=20)
    assert told() == []  # four percent of 20 requests say nothing
    write_change(lake)
    (alert,) = told()
    assert alert["labels"]["alertname"] == "HarmfulChange"
    assert alert["annotations"]["summary"] == (
        "deployment db 1.2 in production: errors 1.00% before, 5.00% after"
    )
    assert alert["annotations"]["verdict"] == "errors"
    assert [it["status"] for it in told()] == ["resolved"]
    write_change(lake, p95_latency_ms_after=300.0, p95_latency_effect=3.0)
    (corrected,) = told()
    assert corrected["annotations"]["verdict"] == "errors and latency"
    assert corrected["annotations"]["corrected"] == "before: errors"


def test_a_new_pattern_is_told_and_its_text_does_nothing(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = {
        "environment": "production", "fingerprint": "f" * 16, "pattern_version": 2,
        "service": "db", "error_type": "IOError", "error_template": HOSTILE, "trace_id": FAILED,
    }  # fmt: skip
    old, new = START - timedelta(hours=23, minutes=30), BEGIN
    small_lakes.write(
        lake, "gold.error_pattern_days",
        [
            {**pattern, "first_seen_at": old, "fingerprint": "0" * 16, "partition_date": DAY},
            {**pattern, "first_seen_at": new, "partition_date": DAY},
        ],
    )  # fmt: skip
    assert main(["alert"]) == 0
    text = capsys.readouterr().out
    assert text.isascii() and "\x1b" not in text
    (alert,) = map(json.loads, text.splitlines())
    assert alert["labels"]["fingerprint"] == "f" * 16
    assert alert["annotations"]["message"] == HOSTILE


def test_an_ingest_that_stands_still_is_told_until_it_goes_on(lake: Path, told: Any) -> None:
    small_lakes.forget(lake, "bronze.ingest_batches")
    write_batch(lake, datetime.now(UTC) - timedelta(hours=2))
    (alert,) = told()
    assert alert["labels"] == {"alertname": "IngestStandsStill"}
    assert told() == []
    write_batch(lake, datetime.now(UTC))
    assert [it["status"] for it in told()] == ["resolved"]
    assert told() == []


def test_a_standstill_ends_when_it_is_seen_to(lake: Path, told: Any) -> None:
    small_lakes.forget(lake, "bronze.ingest_batches")
    write_batch(lake, datetime.now(UTC) - timedelta(hours=2))
    write_minutes(lake, {}, minutes=0)
    (alert,) = told()
    write_batch(lake, datetime.now(UTC))
    (over,) = told()
    assert datetime.fromisoformat(over["endsAt"]) - datetime.fromisoformat(
        alert["startsAt"]
    ) >= timedelta(hours=2)


class Webhook(BaseHTTPRequestHandler):
    """Keeps what it is sent in its server, which says how it answers."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(json.loads(body))  # type: ignore[attr-defined]
        self.send_response(self.server.code)  # type: ignore[attr-defined]
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        server.taken, server.code = [], 200  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(WEBHOOK, f"http://127.0.0.1:{server.server_port}/secret")
        yield server
        server.shutdown()


def test_a_webhook_gets_the_form_of_alertmanager(lake: Path, told: Any, webhook: Any) -> None:
    write_minutes(lake, {30: 20}, minutes=31)
    alerts = told()
    (sent,) = webhook.taken
    assert sent["version"] == "4"
    assert sent["status"] == "firing"
    assert sent["alerts"] == alerts
    assert sent["commonLabels"] == alerts[0]["labels"]
    told()
    assert len(webhook.taken) == 1


def test_a_webhook_that_fails_is_told_the_same_again(
    lake: Path, webhook: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write_minutes(lake, {30: 20}, minutes=31)
    for code in (500, 302):  # a redirected POST would arrive without its body
        webhook.code = code
        assert main(["alert"]) == 1
        error = capsys.readouterr().err
        assert str(code) in error and "secret" not in error
    webhook.code = 200
    assert main(["alert"]) == 0
    assert webhook.taken[0] == webhook.taken[1] == webhook.taken[2]


@pytest.mark.parametrize(
    "url",
    [
        "file:///secret",
        "http://user:secret@127.0.0.1/x",
        "http://127.0.0.1/a secret",
        "http://[secret",
    ],
)
def test_a_webhook_that_is_none_is_told_without_its_address(
    lake: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(WEBHOOK, url)
    write_minutes(lake, {30: 20}, minutes=31)
    assert main(["alert"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("alert: the webhook") and "secret" not in error


def test_a_lake_without_gold_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path / "other"))
    assert main(["alert"]) == 1
    assert "gold.endpoint_hours" in capsys.readouterr().err


def episode(start: int, end: int | None, verdict: str = "x") -> Alert:
    """Errors that began and ended so many minutes after the start."""
    ended = None if end is None else START + timedelta(minutes=end)
    at = START + timedelta(minutes=start)
    return Alert("ErrorsAboveUsual", "episode", {"environment": "a"}, at, ended, verdict, {})


def looked(until: int, hours: int = 24) -> Looked:
    at = START + timedelta(minutes=until)
    return Looked(at - timedelta(hours=hours), at, at)


def test_what_was_told_is_told_to_be_over_however_late() -> None:
    _, kept = messages([episode(0, 3)], [], looked(10))
    news, kept = messages([], kept, looked(10 + 3 * 24 * 60))
    assert [it["status"] for it in news] == ["resolved"]
    assert news[0]["annotations"]["summary"] == "it is over"
    assert messages([], kept, looked(11 + 3 * 24 * 60))[0] == []
    assert messages([], kept, looked(40 * 24 * 60))[1] == []


def test_another_incident_is_told_beside_one_that_was_taken_back() -> None:
    _, kept = messages([episode(0, None)], [], looked(3))
    news, _ = messages([episode(240, None)], kept, looked(243))
    assert [it["annotations"]["verdict"] for it in news] == ["x", "withdrawn"]


def test_a_shorter_look_back_forgets_nothing() -> None:
    _, kept = messages([episode(0, 3)], [], looked(10))
    _, kept = messages([episode(0, 3)], kept, looked(600))
    news, kept = messages([], kept, looked(600, hours=1))
    assert news == []
    assert messages([episode(0, 3)], kept, looked(601))[0] == []


def test_what_late_data_moves_is_not_told_again() -> None:
    labels = {"fingerprint": "f"}
    first = Alert("NewErrorPattern", "fact", labels, END, END, "new", {})
    _, kept = messages([first], [], looked(60))
    earlier = Alert("NewErrorPattern", "fact", labels, START, START, "new", {})
    news, _ = messages([earlier], kept, looked(61))
    assert [it["status"] for it in news] == ["resolved"]


def test_suspects_are_looked_for_of_the_last_incidents_alone(lake: Path) -> None:
    write_minutes(lake, {10: 20, 30: 20})
    now = datetime.now(UTC)
    found, _ = alerts_of(DeltaLake(lake), project_variables(), 24, now, suspected=1)
    assert [alert.verdict for alert in found] == ["not looked for", "no suspect"]
    rates = [(alert.facts["error_rate"], alert.facts["usual_error_rate"]) for alert in found]
    assert rates == [("20.00%", "0.00%"), ("20.00%", "0.67%")]


def test_days_long_ago_are_not_read(lake: Path, told: Any) -> None:
    day = START - timedelta(days=60)
    old = small_lakes.window(0, "db", 1, 0)
    old |= {"window_start": day, "partition_date": day.date()}
    small_lakes.write(lake, "gold.endpoint_minutes", [old])
    (file,) = lake.glob(f"gold/endpoint_minutes/partition_date={day.date()}/*.parquet")
    file.unlink()
    assert told() == []


def test_a_clock_that_is_ahead_hides_nothing(lake: Path, told: Any) -> None:
    write_minutes(lake, {30: 20, 31: 20}, minutes=32)
    ahead = small_lakes.window(0, "db", 1, 0)
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    ahead |= {"window_start": at, "partition_date": at.date()}
    for table in ("gold.endpoint_minutes", "gold.endpoint_hours"):
        small_lakes.write(lake, table, [ahead])
    assert [it["labels"]["alertname"] for it in told()] == ["ErrorsAboveUsual"]
