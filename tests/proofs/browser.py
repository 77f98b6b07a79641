"""Headless Chromium over its debugging pipe: open a page, look at it, take its picture."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SECONDS = 60


class NoBrowserError(RuntimeError):
    """There is no Chromium; the message says how to get it."""


class Page:
    """One open page."""

    def __init__(self, browser: _Pipe, width: int, height: int, is_dark: bool) -> None:
        self.browser = browser
        self.origin = ("", "")
        self.target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = browser.call("Target.attachToTarget", {"targetId": self.target, "flatten": True})
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [scheme]})

    def call(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a method of the DevTools protocol on this page."""
        return self.browser.call(method, parameters, self.session)

    def open(self, place: Path | str) -> None:
        """Load a file or an address and wait until it is drawn."""
        url = place if isinstance(place, str) else place.absolute().as_uri()
        self.origin = urlsplit(url)[:2]
        self.call("Page.navigate", {"url": url})
        self.browser.wait_for("Page.loadEventFired", self.session)
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")

    def close(self) -> None:
        """Close the page; one that stays open goes on drawing."""
        self.browser.call("Target.closeTarget", {"targetId": self.target})

    def evaluate(self, expression: str) -> Any:
        """Value of an expression in the page, awaited."""
        result = self.call(
            "Runtime.evaluate",
            {"expression": expression, "awaitPromise": True, "returnByValue": True},
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def picture(self, path: Path, selector: str = "html", height: int | None = None) -> None:
        """Write a PNG of an element, of its first `height` CSS pixels if they are named."""
        left, top, width, whole = self.evaluate(
            f"(box => [box.x + scrollX, box.y + scrollY, box.width, box.height])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        clip = {"x": left, "y": top, "width": width, "height": min(whole, height or whole)}
        shot = self.call(
            "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": {**clip, "scale": 1}}
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def listen(self) -> list[str]:
        """All complaints so far: errors, warnings, broken policies, requests for anything else."""
        self.evaluate("1")
        return [
            told
            for event in self.browser.events
            if event.get("sessionId") == self.session
            for told in _complaint(event, self.origin)
        ]


def _complaint(event: dict[str, Any], origin: tuple[str, str]) -> Iterator[str]:
    told = event["params"]
    match event["method"]:
        case "Log.entryAdded" | "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
            yield json.dumps(told)
        case "Network.requestWillBeSent" if urlsplit(told["request"]["url"])[:2] != origin:
            yield f"a request for {told['request']['url']}"
        case "Page.javascriptDialogOpening":
            yield "a dialog"


class _Pipe:
    """The protocol's messages: JSON with a zero byte behind, on two file descriptors."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.to_browser = to_browser
        self.from_browser = from_browser
        self.number = 0
        self.buffer = b""
        self.events: list[dict[str, Any]] = []

    def call(
        self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def wait_for(self, method: str, session: str) -> None:
        def is_it(event: dict[str, Any]) -> bool:
            return event["method"] == method and event.get("sessionId") == session

        while not any(is_it(event) for event in self.events):
            self._read()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            chunk = os.read(self.from_browser, 1 << 20)
            assert chunk, "the browser has ended"
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browser() -> Iterator[_Pipe]:
    """A headless Chromium, ended at the end. Raises NoBrowserError if there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise NoBrowserError(
            f"no Chromium (looked for {', '.join(NAMES)}): install it, on Debian with "
            "`apt-get install chromium`"
        )
    to_child, from_here = os.pipe()
    to_here, from_child = os.pipe()

    def place_pipes() -> None:  # the protocol reads descriptor 3 and writes 4
        read, write = os.dup(to_child), os.dup(from_child)
        os.dup2(read, 3)
        os.dup2(write, 4)

    with tempfile.TemporaryDirectory() as profile:
        process = subprocess.Popen(  # noqa: S603 - the arguments are the tests' own
            [
                program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox",
                "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
                "--force-color-profile=srgb", f"--user-data-dir={profile}", "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=place_pipes,
        )  # fmt: skip
        os.close(to_child)
        os.close(from_child)
        try:
            yield _Pipe(from_here, to_here)
        finally:
            process.terminate()
            process.wait(SECONDS)
            os.close(from_here)
            os.close(to_here)
