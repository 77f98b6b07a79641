"""Two hundred hostile texts in each place that a log, a span or a change has for one, from raw
files to everything that shows them: nothing obeys them, and none is lost.

A script that a browser would run, a sequence that a terminal would obey, a template that would be
rendered and a path that would lead elsewhere each leave a mark if they do anything: `owned` stands
in the page's title, in a file, or in the state of the lake.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import commands
import pytest
from browser import NoBrowserError, Page, browser
from deltalake import DeltaTable
from oddities import MINUTE, START, deployed, hex_id, log, span, trace
from served import serving
from test_mcp import CONTROLS, told

from tracekeep.lake import PROJECT

MARK = "owned"
_BREAKOUTS = ("", '"', "'>", "</script></pre></svg>", "]]>--></textarea>")
_SCRIPTS = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<svg onload=\"document.title='owned'\"><set attributeName=href>",
    "<iframe srcdoc=\"<script>top.document.title='owned'</script>\">",
    "<a href=\"javascript:document.title='owned'\">owned</a>",
    '<meta http-equiv=refresh content="0;url=data:text/html,owned">',
    '<base href="http://owned.invalid/"><link rel=stylesheet href=owned.css>',
    "<style>@import 'http://owned.invalid/owned.css'</style>",
    '<form action="http://owned.invalid/"><button autofocus>owned</button></form>',
    "<math><mtext><style><img src onerror=document.title='owned'></style></mtext></math>",
)
_TERMINAL = (
    "\x1b[2J\x1b[Howned", "\x1b]0;owned\x07", "\x1b]8;;http://owned.invalid\x1b\\owned",
    "\x9b31mowned", "\rowned", "\b\b\b\bowned", "\x1b]52;c;b3duZWQ=\x07owned", "\u202edenwo",
    "line\n::error::owned\n##vso[owned]", "\x1bP+q6f776e6564\x1b\\owned\x7f",
)  # fmt: skip
_TEMPLATES = (
    "{{ modules.re.compile('owned') }}", "{% raw %}{{ run_query('create table owned (n int)') }}",
    "{{ env_var('HOME') }}owned", "${jndi:ldap://owned.invalid/a}", "$(touch owned)",
    "`touch owned`", "'; drop table gold.error_events; -- owned", "\\' or 1=1 /* owned",
    "; touch owned #",
    "${alert`owned`} #{owned} <%= owned %> %s%n{0.__class__} owned",
)  # fmt: skip
_PATHS = (
    "../../../../owned", "..\\..\\owned", "/owned", "file:///tmp/owned", "~/owned",
    "%2e%2e%2f%2e%2e%2fowned", "C:\\owned", "\\\\owned.invalid\\share", "a=b/partition_date=owned",
    "http://owned.invalid/../owned?a#b",
)  # fmt: skip
TEXTS = [
    breakout + text
    for family in (_SCRIPTS, _TERMINAL, _TEMPLATES, _PATHS)
    for breakout, text in product(_BREAKOUTS, family)
]
SHOWN = range(0, len(TEXTS), 7)
"""The traces of which each has an answer or a page of its own: each kind of text, each breakout."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module", autouse=True)
def lake(place: Path) -> Iterator[Path]:
    """What `run` makes of them; it tells of nothing that a terminal would obey."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACEKEEP_LAKE", str(place / "lake"))
        patch.setenv("TMPDIR", str(place / "scratch"))
        place.joinpath("scratch").mkdir()
        write_input(place / "input")
        shown("run", place / "input")
        yield place / "lake"


def write_input(folder: Path) -> None:
    """A failed trace, a failed log record and a change for each text, after hours in which nothing
    happened; files bear texts as names."""
    folder.mkdir()
    calm = [
        span(trace(1_000 + n), hex_id(1), service="gateway", name="GET /", start=START - n * MINUTE,
             resource={"deployment.environment.name": "production"})
        for n in range(60, 180)
    ]  # fmt: skip
    folder.joinpath("calm.jsonl").write_text("\n".join(calm) + "\n", encoding="utf-8")
    for number, text in enumerate(TEXTS):
        where = {
            "deployment.environment.name": text if number % 20 == 0 else "production",
            "service.version": text, "service.namespace": text, "cloud.region": text,
            "k8s.pod.name": text, "k8s.namespace.name": text, "k8s.container.name": text,
        }  # fmt: skip
        named = {text: text, "url.path": text, "server.address": text, "db.statement": text}
        lines = [
            span(trace(number), hex_id(1), service="gateway", name="GET /"),
            span(
                trace(number), hex_id(2), hex_id(1), service=text, name=text, status=2,
                message=text, exception=(text, text), attributes=named, resource=where, state=text,
            ),
            log(
                trace(number), hex_id(2), text, service=text, severity=17, resource=where,
                attributes={**named, "exception.type": text, "exception.stacktrace": text},
            ),
            deployed(
                text, "2026-01-12T09:59:00Z", text, text,
                content={"artifactId": f"pkg:oci/{text}", "environment": {"id": text}},
            ),
        ]  # fmt: skip
        name = text.replace("/", "_").encode()[:200].decode(errors="ignore")
        file = folder / f"{number}{name}.jsonl"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def shown(*words: object) -> str:
    """What a command prints; nothing of it is for the terminal."""
    code, out, err = commands.finish(commands.start(*words))
    assert code == 0, err
    assert not (found := re.findall(f".*{CONTROLS}.*|^(?:::|##).*", out + err, re.M)), found[:5]
    return out


def rows(lake: Path, table: str, *columns: str) -> list[dict[str, Any]]:
    """A table, read without the project."""
    found = DeltaTable(str(lake / table.replace(".", "/"))).to_pyarrow_table(columns=list(columns))
    return found.to_pylist()


def test_none_is_lost(lake: Path) -> None:
    assert len(set(TEXTS)) == 200
    spans = rows(lake, "silver.spans", "trace_id", "service", "operation", "status_message")
    found = {span["trace_id"]: span for span in spans if span["service"] != "gateway"}
    for number, text in enumerate(TEXTS):
        told_of = found.pop(trace(number))
        assert told_of["service"] == told_of["operation"] == told_of["status_message"] == text
    assert not found
    failed = {span["trace_id"] for span in rows(lake, "gold.error_events", "trace_id")}
    assert failed == {trace(number) for number in range(200)}
    changes = {change["service"] for change in rows(lake, "gold.change_effects", "service")}
    assert changes == set(TEXTS)
    shown("tables")


def test_nothing_is_obeyed_by_files_or_by_sql(lake: Path, place: Path) -> None:
    """No text became a name of a file, a table or a column, or a part of what was compiled."""
    for folder in (PROJECT / "target", lake / "logs"):
        for file in filter(Path.is_file, folder.rglob("*")):
            assert MARK not in file.read_text(encoding="utf-8", errors="replace"), file
    assert not [file for file in lake.rglob("*") if MARK in str(file.relative_to(lake))]
    temporary = (place / "scratch", Path(tempfile.gettempdir()))
    for folder in (PROJECT, place, *temporary, Path.home(), Path("/")):
        assert not list(folder.glob(f"{MARK}*"))


def test_the_console_and_files_for_other_tools(lake: Path) -> None:
    assert MARK in shown("incident", "--details", "--raw-lines")
    times = ("--from", "2026-01-12T09:55", "--to", "2026-01-12T10:05")
    shown("root-cause", *times)
    for text in TEXTS[::40]:
        out = shown("incident", *times, "--service", text)
        assert MARK in out or "denwo" in out
    for form in ("otlp", "jaeger"):
        written = shown("incident", "--trace", trace(0), "--format", form)
        assert TEXTS[0] in strings_of(json.loads(written))


def strings_of(value: Any) -> Iterator[str]:
    """All strings of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from strings_of(part)
    elif isinstance(value, dict):
        yield from value
        yield from strings_of(list(value.values()))


def test_alerts_and_an_assistant(lake: Path) -> None:
    alerts = [json.loads(line) for line in shown("alert", "--hours", 48).splitlines()]
    services = {alert["labels"].get("service") for alert in alerts}
    # what is new in an environment that is new itself is no news
    assert services >= {text for number, text in enumerate(TEXTS) if number % 20}
    assert "ErrorsAboveUsual" in {alert["labels"]["alertname"] for alert in alerts}
    asked = [("what_to_look_at", {"hours": 24}), ("what_broke", {})]
    asked += [("trace", {"trace_id": trace(number)}) for number in SHOWN]
    for tool, arguments in asked:
        assert not re.search(CONTROLS, told(lake, tool, **arguments))


def test_the_api(lake: Path) -> None:
    def asked(path: str) -> Any:
        with urlopen(f"{address}/api/{path}") as answer:  # noqa: S310 - http
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            return json.loads(answer.read())["data"]

    with serving(lake) as address:
        assert set(asked("services")) == {"gateway", *TEXTS}
        calls = asked("dependencies?endTs=1768215600000&lookback=86400000")
        assert {call["child"] for call in calls} == {"gateway", *TEXTS}
        for number, text in enumerate(TEXTS):
            name = quote(text, safe="")
            assert len(asked(f"operations?service={name}")) == 1
            # a path of Starlette has no line end
            assert "\n" in text or len(asked(f"services/{name}/operations")) == 1
            (found,) = asked(f"traces/{trace(number)}")
            assert text in {span["operationName"] for span in found["spans"]}


def test_pages_in_a_browser(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracekeep.serve.dashboard.MOST_ROWS", len(TEXTS))
    # the last one is no id, and the page that says so repeats it
    paths = ["/?hours=1", "/incident", "/traces/" + quote(TEXTS[1], safe="")]
    paths += [f"/traces/{trace(number)}" for number in SHOWN]
    try:
        with serving(lake) as address, browser() as chromium:
            page = Page(chromium, 1160, 900, is_dark=False)
            for path in paths:
                page.open(address + path)
                page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
                page.evaluate("document.querySelectorAll('.span-row').forEach(it => it.click())")
                page.evaluate("new Promise(done => setTimeout(done, 100))")
                assert page.evaluate("location.href") == address + path
                assert "Tracekeep" in page.evaluate("document.title")
                tags = "script:not([type]), img, iframe, form, base, math, textarea, [onload]"
                own = 0 if path.startswith("/?") else 1
                assert page.evaluate(f"document.querySelectorAll('{tags}').length") <= own, path
                links = page.evaluate("[...document.links].map(it => it.getAttribute('href'))")
                assert all(re.match(r"/(?!/)|#", link) for link in links), links
                assert not page.evaluate(f"/{CONTROLS}/.test(document.body.textContent)"), path
            assert [said for said in page.listen() if " 400 " not in said] == []
    except NoBrowserError as error:
        pytest.fail(f"prove-hostile needs a browser: {error}")
