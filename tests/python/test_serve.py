"""Jaeger's query API, asked over a real socket."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import small_lakes
from jsonschema import Draft7Validator
from served import serving
from small_lakes import FAILED, FINE, HOSTILE, LEFT_OUT, START
from test_export import JAEGER

from tracekeep.__main__ import main
from tracekeep.serve import TOKEN

MICROSECONDS = int(START.timestamp()) * 10**6
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def token(request: pytest.FixtureRequest) -> str | None:
    return getattr(request, "param", None)


@pytest.fixture
def ask(tmp_path: Path, token: str | None) -> Iterator[Ask]:
    """Asks the service for a path; returns status and answer."""
    small_lakes.make(tmp_path, HOSTILE)
    hour = small_lakes.window(0, "shop", 2, 0)
    small_lakes.write(tmp_path, "gold.endpoint_hours", [{**hour, "endpoint": HOSTILE}])
    small_lakes.write(
        tmp_path, "silver.spans", [small_lakes.span(LEFT_OUT, 2, "../../etc", latency_ms=2000.0)]
    )
    with serving(tmp_path, token) as address:

        def asked(path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
            url = address + path
            url += f"?{urllib.parse.urlencode(query)}" if query else ""
            request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 - http
            try:
                with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    if not path.startswith("/api/"):
                        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                        return answer.status, answer.read().decode()
                    assert answer.headers["Content-Type"] == "application/json"
                    return answer.status, json.loads(answer.read())
            except urllib.error.HTTPError as error:
                text = error.read()
                return error.code, json.loads(text) if text.startswith(b"{") else text

        yield asked


def found(ask: Ask, **query: Any) -> list[str]:
    """Ids of the traces that a search finds, in a minute around the incident unless it says so."""
    times = {"start": MICROSECONDS - 10**6, "end": MICROSECONDS + 60 * 10**6}
    status, answer = ask("/api/traces", **{**times, **query})
    assert status == 200, answer
    for trace in answer["data"]:
        assert not list(Draft7Validator(JAEGER).iter_errors(trace))
    return [trace["traceID"] for trace in answer["data"]]


def test_services_and_operations_are_those_of_gold(ask: Ask) -> None:
    assert ask("/api/services")[1]["data"] == ["shop"]
    assert ask("/api/services/shop/operations")[1]["data"] == [HOSTILE]
    assert ask("/api/operations", service="shop")[1]["data"] == [{"name": HOSTILE, "spanKind": ""}]


def test_a_trace_is_found_by_its_id(ask: Ask) -> None:
    status, answer = ask(f"/api/traces/{FAILED}")
    assert status == 200
    assert [trace["traceID"] for trace in answer["data"]] == [FAILED]
    assert ask("/api/traces/" + "e" * 32)[0] == 404
    assert ask("/api/traces/..%2f..%2fetc")[0] in (400, 404)
    both = urllib.parse.urlencode([("traceID", FAILED), ("traceID", FINE)])
    assert [it["traceID"] for it in ask(f"/api/traces?{both}")[1]["data"]] == [FAILED, FINE]
    assert ask("/api/traces/" + "f" * 33)[0] == 400


def test_search_narrows(ask: Ask) -> None:
    assert found(ask, service="gateway") == [LEFT_OUT, FINE, FAILED]
    assert found(ask, service="gateway", limit=1) == [LEFT_OUT]
    assert found(ask, service="gateway", tags='{"error": "true"}') == [FAILED]
    assert found(ask, service="gateway", operation="/gateway") == [LEFT_OUT, FINE, FAILED]
    assert found(ask, service="gateway", operation="GET /gateway") == [LEFT_OUT, FINE, FAILED]
    assert found(ask, service="gateway", operation="/shop") == []
    assert found(ask, service="gateway", limit=9_999) == [LEFT_OUT, FINE, FAILED]
    assert found(ask, service="gateway", tags='{"error": true}') == [FAILED]
    assert found(ask, service="gateway", tag="error:true") == [FAILED]
    assert found(ask, service="db", maxDuration="33.4ms") == [FAILED]
    assert found(ask, service="db", minDuration="34ms") == []
    assert found(ask, service="../../etc", minDuration="2s") == [LEFT_OUT]
    assert found(ask, service="../../etc", minDuration="0m1s999ms") == [LEFT_OUT]
    assert found(ask, service="gateway", start=MICROSECONDS + 2_000) == []
    assert found(ask, service="gateway", tags='{"x": "y"}') == []


def test_a_span_is_found_by_what_it_says(ask: Ask, tmp_path: Path) -> None:
    told = {"attributes": [("http.route", "/pay")], "resource_attributes": [("host", "n1")]}
    small_lakes.write(tmp_path, "silver.spans", [small_lakes.span(FINE, 5, "bank", **told)])
    assert found(ask, service="bank", tags='{"http.route": "/pay", "host": "n1"}') == [FINE]
    assert found(ask, service="bank", tags='{"http.route": "/pray"}') == []


def test_what_is_committed_later_is_told_too(ask: Ask, tmp_path: Path) -> None:
    assert found(ask, service="late") == []
    late = small_lakes.span(FINE, 9, "late", started_at=START + timedelta(seconds=1))
    small_lakes.write(tmp_path, "silver.spans", [late])
    assert found(ask, service="late") == [FINE]


def test_dependencies_are_the_calls_of_gold(ask: Ask) -> None:
    end = MICROSECONDS // 1_000 + 60_000
    calls = ask("/api/dependencies", endTs=end, lookback=120_000)[1]["data"]
    assert calls == [{"parent": "shop", "child": "db", "callCount": 2}]
    assert ask("/api/dependencies", endTs=end, lookback=1)[1]["data"] == []


@pytest.mark.parametrize(
    "query",
    [
        {}, {"service": "a", "limit": "0"}, {"service": "a", "limit": "many"},
        {"service": "a", "start": "yesterday"}, {"service": "a", "end": "9" * 40},
        {"service": "a", "tags": "{"}, {"service": "a", "tags": '["a"]'},
        {"service": "a", "minDuration": "long"}, {"service": "a", "limit": "9" * 5_000},
        {"service": "a", "end": "-62135596800000000"}, {"service": "a", "tags": "[" * 5_000},
        {"service": "a", "tags": '{"a": "\\ud800"}'}, {"service": "a", "tag": "a"},
        {"service": "a", "tags": json.dumps(dict.fromkeys(map(str, range(17)), "a"))},
    ],
)  # fmt: skip
def test_wrong_parameters_are_told(ask: Ask, query: dict[str, str]) -> None:
    status, answer = ask("/api/traces", **query)
    assert status == 400
    assert answer["errors"][0]["msg"]


def test_another_name_of_this_machine_is_refused(ask: Ask) -> None:
    """A page whose name was made to lead here (DNS rebinding)."""
    assert ask("/api/services", headers={"Host": "evil.example"})[0] == 400


def test_a_page_of_another_site_is_refused(ask: Ask) -> None:
    assert ask("/api/services", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_a_service_may_have_any_name(ask: Ask, tmp_path: Path) -> None:
    hour = {**small_lakes.window(0, "a/b", 2, 0), "endpoint": "/pay"}
    small_lakes.write(tmp_path, "gold.endpoint_hours", [hour])
    assert ask("/api/services/a%2Fb/operations")[1]["data"] == ["/pay"]


def test_an_erased_trace_is_told_to_be_erased(ask: Ask, tmp_path: Path) -> None:
    assert ask(f"/api/traces/{FAILED}")[0] == 200
    small_lakes.erase(tmp_path, FAILED)
    status, answer = ask(f"/api/traces/{FAILED}")
    assert status == 410
    assert "erased 2026-01-13" in answer["errors"][0]["msg"]
    assert found(ask, service="gateway") == [LEFT_OUT, FINE]


def test_a_lake_that_was_made_anew_is_read(ask: Ask, tmp_path: Path) -> None:
    assert ask(f"/api/traces/{FAILED}")[0] == 200
    for layer in ("silver", "gold"):
        shutil.rmtree(tmp_path / layer)
    assert ask(f"/api/traces/{FAILED}")[0] == 404
    small_lakes.make(tmp_path)
    assert ask(f"/api/traces/{FAILED}")[0] == 200


def test_a_table_whose_making_was_cut_short_stands_in_the_way_of_no_other(
    ask: Ask, tmp_path: Path
) -> None:
    tmp_path.joinpath("gold", "operation_minutes", "_delta_log").mkdir(parents=True)
    assert ask("/api/services")[0] == 503
    assert ask(f"/api/traces/{FAILED}")[0] == 200


def basic(secret: str) -> str:
    """What a browser sends once its user has typed a password."""
    return f"Basic {base64.b64encode(f'anyone:{secret}'.encode()).decode()}"


@pytest.mark.parametrize("token", ["sécret:1"], indirect=True)
@pytest.mark.parametrize("path", ["/api/services", f"/traces/{FAILED}"])
def test_a_token_is_asked_for(ask: Ask, path: str) -> None:
    wrong = ("Bearer secret:1", "Basic", "Basic !", basic("secret:1"), "sécret:1", "Digest a")
    assert ask(path)[0] == 401
    for given in wrong:
        assert ask(path, headers={"Authorization": given.encode().decode("latin-1")})[0] == 401
    headers = {"Authorization": basic("sécret:1"), "Host": "lake.example"}
    assert ask(path, headers=headers)[0] == 200


@pytest.mark.parametrize("token", ["secret"], indirect=True)
def test_a_token_may_be_a_bearer(ask: Ask) -> None:
    headers = {"Authorization": "Bearer secret", "Host": "lake.example"}
    assert ask("/api/services", headers=headers)[0] == 200


def test_a_link_of_another_site_may_lead_to_a_page(ask: Ask) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert ask(f"/traces/{FAILED}", headers=followed)[0] == 200
    assert ask(f"/api/traces/{FAILED}", headers=followed)[0] == 403
    assert ask(f"/traces/{FAILED}", headers={**followed, "Sec-Fetch-Dest": "image"})[0] == 403


def test_beyond_this_machine_a_token_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    assert main(["serve", "--host", "0.0.0.0"]) == 2  # noqa: S104 - it must refuse
    assert TOKEN in capsys.readouterr().err
