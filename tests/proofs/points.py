"""Figures of a proof that is measured point by point, each by a process of its own; they stay in a
folder, so that a proof that was cut short goes on where it ended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tracekeep.lake import PROJECT

Figures = dict[str, Any]


def figures_of(folder: Path, name: str, script: str, *arguments: object) -> list[Figures]:
    """What `script FOLDER ARGUMENTS…`, beside this module, prints as JSON lines; from `folder` if
    they are there already. FOLDER is deleted afterwards."""
    kept = folder / f"{name}.jsonl"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            told = subprocess.run(  # noqa: S603 - the arguments are the proof's own
                [sys.executable, Path(__file__).with_name(script), scratch, *map(str, arguments)],
                cwd=PROJECT,
                env={**os.environ, "PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests' / 'python'}"},
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
            part = Path(scratch) / "figures"
            part.write_text(told, encoding="utf-8")
            shutil.move(part, kept)
    return [
        json.loads(line)
        for line in kept.read_text(encoding="utf-8").splitlines()
        if line[:1] == "{"
    ]
