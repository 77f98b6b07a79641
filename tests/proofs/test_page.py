"""The page of an incident and the dashboard in a real browser: light, dark, on a phone; and with
hostile log text. And pictures of dbt's docs.

A generated day is built into a lake, which stays in TRACEKEEP_PROVE_FOLDER; TRACEKEEP_PAGE_LAKE
names one that is there already. Writes docs/incident.png, docs/incident_trace.png and
docs/dashboard.png; the other pictures stay in that folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_lakes
import test_dashboard
from browser import NoBrowserError, Page, browser
from served import serving

from tracekeep.generator import generate
from tracekeep.incident.answer import Question, answer
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.incident.page import page
from tracekeep.lake import PROJECT

FOLDER = Path(
    os.environ.get("TRACEKEEP_PROVE_FOLDER") or Path(tempfile.gettempdir()) / "tracekeep-page"
)
EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "100000"))
DESKTOP, PHONE = 1160, 375
PICTURE_HEIGHT, TRACE_HEIGHT, DASHBOARD_HEIGHT = 1660, 900, 1200
"""CSS pixels of the page, of its traces and of the dashboard that the pictures show."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless browser; the proof fails without one."""
    try:
        with browser() as pipe:
            yield pipe
    except NoBrowserError as error:
        pytest.fail(f"prove-page needs a browser: {error}")


@pytest.fixture(scope="module")
def lake() -> Path:
    """The lake of a generated day."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lake = Path(os.environ.get("TRACEKEEP_PAGE_LAKE") or FOLDER / "lake")
    if not (lake / "gold" / "build_versions").is_dir():
        day = FOLDER / "day"
        if not day.is_dir():
            generate(day, events=EVENTS, seed=4, error_share=0.05)
        tracekeep(lake, "run", day)
    return lake


@pytest.fixture(scope="module")
def incident_page(lake: Path) -> Path:
    """The page of the worst window, written by the command."""
    written = FOLDER / "incident.html"
    tracekeep(lake, "incident", "--html", written)
    return written


def tracekeep(lake: Path, *words: object) -> None:
    """Run a command as a process of its own; fails if it does."""
    subprocess.run(  # noqa: S603 - the arguments are the proof's own
        [sys.executable, "-m", "tracekeep", *map(str, words)],
        cwd=PROJECT,
        env={**os.environ, "TRACEKEEP_LAKE": str(lake)},
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def address(lake: Path) -> Iterator[str]:
    with serving(lake) as address:
        yield address


@pytest.fixture(scope="module")
def dbt_docs(lake: Path) -> str:
    """The address of dbt's page."""
    subprocess.run(
        ["make", "--silent", "docs"],  # noqa: S607
        cwd=PROJECT, env={**os.environ, "TRACEKEEP_LAKE": str(lake)}, check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return (PROJECT / "target" / "static_index.html").as_uri()


def assert_sound(page_: Page, width: int) -> None:
    """No complaint, no sideways scrolling, no element that reaches out of the page."""
    assert page_.listen() == []
    assert page_.evaluate("document.documentElement.scrollWidth") <= width
    assert page_.evaluate("document.querySelectorAll('section').length") >= 6


LOOKS = pytest.mark.parametrize(
    ("name", "width", "is_dark"),
    [("light", DESKTOP, False), ("dark", DESKTOP, True), ("phone", PHONE, False),
     ("phone_dark", PHONE, True)],
)  # fmt: skip


@LOOKS
def test_the_dashboard_looks_right(
    chromium: Any, address: str, name: str, width: int, is_dark: bool
) -> None:
    shown = Page(chromium, width, 900, is_dark)
    shown.open(f"{address}/")
    assert_sound(shown, width)
    assert shown.evaluate("document.querySelectorAll('figure svg').length") == 2
    assert shown.evaluate("document.querySelectorAll('td').length") > 50
    if name == "light":
        shown.picture(PROJECT / "docs" / "dashboard.png", height=DASHBOARD_HEIGHT)
    shown.picture(FOLDER / f"dashboard_{name}.png")
    for path in ("/incident", "/traces/"):
        link = shown.evaluate(f"document.querySelector('a[href^=\"{path}\"]').href")
        shown.open(link)
        assert_sound(shown, width)
        shown.open(f"{address}/")


@pytest.mark.parametrize(("name", "width"), [("light", DESKTOP), ("phone", PHONE)])
def test_dbt_docs_are_there(chromium: Any, dbt_docs: str, name: str, width: int) -> None:
    """Pictures alone: the page is dbt's, which is never dark."""
    paths = "model.tracekeep.incident_paths"
    for part, at in {
        "overview": "#!/overview",
        "model": f"#!/model/{paths}",
        "lineage": f"#!/model/{paths}?g_v=1&g_i=%2Bincident_paths&g_e=tag:control",
    }.items():
        shown = Page(chromium, width, 900, is_dark=False)
        shown.open(dbt_docs + at)
        shown.evaluate("new Promise(done => setTimeout(done, 4000))")
        assert "incident" in shown.evaluate("document.body.innerText").lower()
        shown.picture(FOLDER / f"docs_{part}_{name}.png", ".app")
        shown.close()


@LOOKS
def test_it_looks_right(
    chromium: Any, incident_page: Path, name: str, width: int, is_dark: bool
) -> None:
    shown = Page(chromium, width, 900, is_dark)
    shown.open(incident_page)
    assert_sound(shown, width)
    color = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in color[4:-1].split(","))
    assert (brightness < 200) == is_dark
    if name == "light":
        docs = PROJECT / "docs"
        shown.picture(docs / "incident.png", height=PICTURE_HEIGHT)
        shown.evaluate("document.querySelector('button.span-row:nth-of-type(2)').click()")
        shown.picture(docs / "incident_trace.png", "section:has(details.trace)", TRACE_HEIGHT)
    shown.picture(FOLDER / f"{name}.png")
    shown.evaluate("document.querySelectorAll('button.span-row').forEach(row => row.click())")
    shown.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    shown.evaluate("new Promise(done => setTimeout(done, 100))")
    assert_sound(shown, width)
    assert shown.evaluate("document.querySelectorAll('pre').length") > 5


def test_links_lead_from_a_window_to_its_trace_and_to_its_raw_lines(
    chromium: Any, incident_page: Path
) -> None:
    shown = Page(chromium, DESKTOP, 900, is_dark=False)
    shown.open(incident_page)
    shown.evaluate("[...document.querySelectorAll('td a[href^=\"#trace-\"]')].pop().click()")
    shown.evaluate("new Promise(done => setTimeout(done, 200))")
    opened = "document.querySelector(location.hash)"
    assert shown.evaluate(f"{opened}.open && {opened}.contains(document.activeElement)")
    shown.evaluate(f"{opened}.querySelector('button.span-row').click()")
    assert "raw line" in shown.evaluate(f"{opened}.querySelector('.detail').textContent")
    assert shown.listen() == []


def test_the_keyboard_moves_through_the_timeline(chromium: Any, incident_page: Path) -> None:
    shown = Page(chromium, DESKTOP, 900, is_dark=False)
    shown.open(incident_page)
    shown.evaluate("document.querySelector('[role=slider]').focus()")
    told = "document.querySelector('.readout').textContent"
    seen = set()
    for key in ("End", "ArrowLeft", "Home"):
        for kind in ("keyDown", "keyUp"):
            shown.call("Input.dispatchKeyEvent", {"type": kind, "key": key})
        seen.add(shown.evaluate(told))
    assert len(seen) == 3 and all("requests" in each or "request" in each for each in seen)


def test_a_page_without_an_answer_says_why(chromium: Any, tmp_path: Path) -> None:
    small_lakes.make(tmp_path / "lake")
    question = Question(trace_id="e" * 32)
    written = tmp_path / "unknown.html"
    written.write_text(page(answer(DeltaLake(tmp_path / "lake"), question)), encoding="utf-8")
    shown = Page(chromium, PHONE, 900, is_dark=False)
    shown.open(written)
    assert shown.listen() == []
    assert "no layer holds a row of it" in shown.evaluate("document.body.innerText")


def test_hostile_log_text_does_nothing_in_the_dashboard(chromium: Any, tmp_path: Path) -> None:
    test_dashboard.made(tmp_path, small_lakes.HOSTILE)
    with serving(tmp_path) as address:
        shown = Page(chromium, PHONE, 900, is_dark=False)
        shown.open(f"{address}/?hours=1")
        assert_sound(shown, PHONE)
        assert shown.evaluate("document.title") == "Tracekeep"
        assert shown.evaluate("document.querySelectorAll('script, img, iframe').length") == 0
        assert "<script>document.title='owned'" in shown.evaluate("document.body.innerText")


def test_hostile_log_text_does_nothing(chromium: Any, tmp_path: Path) -> None:
    images = "<img src=x onerror=\"document.title='owned'\"><svg onload=alert(1)>"
    small_lakes.make(
        tmp_path / "lake",
        message=small_lakes.HOSTILE + images,
        raw=small_lakes.HOSTILE + images + "\"}'`${alert(1)}]]>-->",
    )
    written = tmp_path / "hostile.html"
    written.write_text(page(answer(DeltaLake(tmp_path / "lake"), Question())), encoding="utf-8")
    shown = Page(chromium, PHONE, 900, is_dark=False)
    shown.open(written)
    shown.evaluate("document.querySelectorAll('button.span-row').forEach(row => row.click())")
    shown.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    shown.evaluate("new Promise(done => setTimeout(done, 200))")
    assert_sound(shown, PHONE)
    assert shown.evaluate("document.title").endswith("Tracekeep")
    assert shown.evaluate("document.querySelectorAll('script').length") == 2
    assert shown.evaluate("document.querySelectorAll('img, iframe, svg[onload]').length") == 0
    assert "<script>document.title='owned'" in shown.evaluate("document.body.innerText")
