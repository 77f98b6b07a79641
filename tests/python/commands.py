"""`python -m tracekeep …` as processes of their own, also ones that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from typing import Any

from tracekeep.lake import PROJECT


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    return subprocess.Popen(  # noqa: S603 - the arguments are the tests' own
        [sys.executable, "-m", "tracekeep", *map(str, arguments)],
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def python(*arguments: object, **environment: str) -> str:
    """What a Python program of the project prints; it must succeed."""
    done = subprocess.run(  # noqa: S603 - the arguments are the tests' own
        [sys.executable, *map(str, arguments)],
        cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def finish(process: subprocess.Popen[str], seconds: float = 1800) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def books_of(*arguments: object, **environment: str) -> dict[str, Any]:
    """The books that a successful ingest prints."""
    code, out, err = finish(start(*arguments, **environment))
    assert code == 0, err
    return json.loads(out.splitlines()[-1])


def kill_after(process: subprocess.Popen[str], batches: int, chance: random.Random) -> bool:
    """Kill -9 a running ingest at a random moment after it has told of some batches; False if it
    ended before."""
    told = 0
    for line in process.stderr or []:
        told += "records" in line
        if told > batches:
            break
    pause = threading.Event()
    pause.wait(chance.uniform(0, 3))
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True
