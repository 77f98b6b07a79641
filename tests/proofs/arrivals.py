"""A generated set as it arrives: files of an hour after that hour, lines of pods as they came."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

CRI_TAG = 38
"""Place of `F` or `P` in a CRI line of the generator: behind a time of 30, a stream of 6."""


@dataclass
class Sizes:
    """Bytes of what arrived: as plain text, and gzipped (a file an hour, a pod's log a tick)."""

    plain: int = 0
    gzipped: int = 0


def place(source: Path, folder: Path, since: datetime, until: datetime) -> Sizes:
    """Write what of a generated set arrives from `since` on and before `until`, whole hours, UTC.

    Returns its sizes. A folder that is there already is replaced.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sizes = Sizes()
    for path in _files(source, since, until):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        sizes.gzipped += path.stat().st_size
        sizes.plain += len(gzip.decompress(path.read_bytes()))
    first, last = (time.strftime("%Y-%m-%dT%H:%M:%S").encode() for time in (since, until))
    for path in sorted(source.glob("pods/*/*/0.log")):
        records = [record for record in cri_records(path) if first <= record[:19] < last]
        _write(folder / path.relative_to(source), b"".join(records), sizes)
    for path in sorted(source.glob("changes/*.jsonl")):
        lines = [
            line
            for line in path.read_bytes().splitlines(keepends=True)
            if since <= _time_of_change(line) < until
        ]
        _write(folder / path.relative_to(source), b"".join(lines), sizes)
    return sizes


def cri_records(path: Path) -> Iterator[bytes]:
    """The records of a pod's log, each with all its CRI lines."""
    held = b""
    for line in path.read_bytes().splitlines(keepends=True):
        held += line
        if line[CRI_TAG : CRI_TAG + 1] == b"F":
            yield held
            held = b""


def _files(source: Path, since: datetime, until: datetime) -> Iterator[Path]:
    """The OTLP files whose hour of arrival lies in a time."""
    day = since.replace(hour=0)
    while day < until:
        for signal in ("traces", "logs"):
            for path in sorted((source / "otlp" / signal / f"{day:%Y-%m-%d}").glob("*.gz")):
                if since <= day + timedelta(hours=int(path.name[:2])) < until:
                    yield path
        day += timedelta(days=1)


def _time_of_change(line: bytes) -> datetime:
    event = json.loads(line)
    text = event["time"] if "time" in event else event["context"]["timestamp"]
    return datetime.fromisoformat(text).astimezone(UTC)


def _write(path: Path, text: bytes, sizes: Sizes) -> None:
    if not text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    sizes.plain += len(text)
    sizes.gzipped += len(gzip.compress(text))
