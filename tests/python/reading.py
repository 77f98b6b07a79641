"""Helpers of the reader tests: files in, records out, without Spark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tracekeep.ingest.plan import plan_file
from tracekeep.readers.files import FilePart, Piece, read_piece
from tracekeep.readers.records import Record

POD = "shop_cart-7d9f8b6c5d-x2x4z_0b1c/app/0.log"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TIME = "2026-01-12T10:00:00.123456789Z"
TIME_NS = 1_768_212_000_123_456_789


def write(folder: Path, name: str, content: bytes | str) -> Path:
    """A file with this content, and the folders it needs."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def planned(path: Path, known: Any = None) -> FilePart:
    """The part that is planned of a file; fails if nothing is."""
    file = plan_file(str(path), known)
    assert file is not None
    return file.part


def read_part(part: FilePart) -> list[tuple[int, int, Record]]:
    """Records of a whole part with position and index."""
    return [*read_piece(Piece(part, part.from_position, part.to_position))]


def records_of(path: Path) -> list[Record]:
    """Records of a whole file."""
    return [record for _, _, record in read_part(planned(path))]


def only(path: Path) -> Record:
    """The one record of a file."""
    (record,) = records_of(path)
    return record


def docker(log: str, **fields: str) -> str:
    """A line of docker's json-file driver."""
    return json.dumps({"log": log, "stream": "stdout", "time": TIME, **fields})
