"""README and two pages of docs as a new user follows them: each command that stands there, in
order, in a fresh clone; writes docs/results/readme.md with the time of each.

What a user puts in by hand is put in here (`filled`): files, a trace, an attribute.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tracekeep.erasure import PARTLY
from tracekeep.generator import generate
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.lake import PROJECT

PAGES = ("README.md", "docs/incident.md", "docs/erasure.md")
SERVED = ("http://127.0.0.1:16686/", "http://127.0.0.1:16686/api/services")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SECONDS = 1800


@dataclass(frozen=True)
class User:
    """Where a user works. own: files of theirs; lines: of the report, one a command."""

    clone: Path
    own: Path
    environment: dict[str, str]
    lines: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> User:
    folder = tmp_path_factory.mktemp("user")
    clone, own = folder / "tracekeep", folder / "own"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)  # noqa: S603, S607
    generate(own, events=3_000, seed=9)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in ("HOME", "LANG", "JAVA_HOME", "PYTHON") or name.startswith("PIP_")
    }
    environment["PATH"] = f"{clone / '.venv/bin'}:{_path_without_environments()}"
    return User(clone, own, environment)


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_a_page(page: str, user: User) -> None:
    """README makes the lake that the other pages ask."""
    for kind, command in commands_of((user.clone / page).read_text(encoding="utf-8")):
        line = filled(command, user.clone, user.own)
        started = time.monotonic()
        if kind == "python":
            run(["python", "-c", line], user.clone, user.environment)
        elif " serve" in line:
            served(line, user.clone, user.environment)
        else:
            run(["bash", "-e", "-o", "pipefail", "-c", line], user.clone, user.environment)
        seconds = time.monotonic() - started
        told = command.strip().splitlines()[-1].replace("|", "\\|")
        user.lines.append(f"| {page} | `{told}` | {seconds:.0f} |")
        print(user.lines[-1], flush=True)
    report = [
        "# README as a new user follows it",
        "",
        "Made by `make prove-readme`: each command in a fresh clone, one after the other, on 2 "
        "cores; packages and JARs come from the registries.",
        "",
        "| page | command | s |",
        "|---|---|---|",
        *user.lines,
    ]
    (PROJECT / "docs" / "results" / "readme.md").write_text("\n".join(report) + "\n", "utf-8")


def test_pages_have_commands() -> None:
    counts = {page: len([*commands_of((PROJECT / page).read_text("utf-8"))]) for page in PAGES}
    assert all(counts.values()) and sum(counts.values()) > 20


def commands_of(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a page's blocks, a line each, without comments; a block of Python is one."""
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if kind == "python":
            yield kind, block
        for line in block.splitlines() if kind in ("", "sh", "bash") else ():
            command = re.sub(r"\s+#.*", "", line).strip()
            if re.split("[ =]", command)[0] in STARTS:
                yield "sh", command


STARTS = {"make", "dbt", "python", "INPUT"}
"""First words of commands; what a command prints stands in blocks too."""


def filled(command: str, clone: Path, own: Path) -> str:
    """A command with what its user puts in."""
    command = command.replace("/path/to/files", str(own)).replace("PATH…", str(own))
    if TRACE not in command and "payments.order=ord-4711" not in command:
        return command
    lake = DeltaLake(clone / ".lake")
    spans = lake["silver.spans"].rows(("trace_id", "attributes", "is_error"))
    spans = [span for span in spans if "url.path" in span["attributes"]]
    # as one customer's order is: of few traces
    times_of = Counter(span["attributes"]["url.path"] for span in spans)
    failed = min(
        (span for span in spans if span["is_error"]),
        key=lambda span: (times_of[span["attributes"]["url.path"]], span["trace_id"]),
    )
    subject = f"url.path={failed['attributes']['url.path']}"
    return command.replace(TRACE, failed["trace_id"]).replace("payments.order=ord-4711", subject)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - the project's own commands
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    # the generated input stands in the lake, where erasing leaves it
    right = (0, PARTLY) if " erase " in command[-1] else (0,)
    assert done.returncode in right, f"{command}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"


def served(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Start a server, ask it, end it."""
    process = subprocess.Popen(shlex.split(command), cwd=folder, env=environment)  # noqa: S603
    try:
        for address in SERVED:
            assert _answer(address)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(SECONDS)
    assert process.returncode == 0


def _answer(address: str) -> bytes:
    for _ in range(100):
        try:
            with urllib.request.urlopen(address) as answer:  # noqa: S310 - http
                return answer.read()
        except ConnectionError:
            time.sleep(0.2)
        except OSError as error:
            if not isinstance(getattr(error, "reason", None), ConnectionError):
                raise
            time.sleep(0.2)
    raise TimeoutError(address)


def _path_without_environments() -> str:
    parts = os.environ["PATH"].split(":")
    return ":".join(part for part in parts if Path(part) != Path(sys.prefix) / "bin")
