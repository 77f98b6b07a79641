"""What to read next: files against the ledger, cut into batches and tasks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tracekeep.ingest.readers.files import (
    FINGERPRINT_BYTES,
    FilePart,
    Piece,
    detect_format,
    fingerprint_of,
    head_of,
)
from tracekeep.ingest.readers.pod_logs import unfinished_record_start

NO_INGEST_MARKER = ".noingest"
TASK_BYTES = 16 << 20
_GZIP_RATIO = 8  # a guess at decompressed bytes, only to balance tasks


@dataclass(frozen=True)
class PlannedFile:
    """A file part and the modification time (ns) that the file had when it was planned."""

    part: FilePart
    modified_at_unix_nano: int


def find_files(paths: Iterable[str | Path]) -> Iterator[str]:
    """Absolute paths of all files at or below the given paths, sorted; hidden ones and folders
    that hold a file `.noingest` are left out.

    Raises FileNotFoundError for a path that does not exist.
    """
    for path in paths:
        root = Path(path).absolute()
        if root.is_file():
            yield str(root)
        elif not root.is_dir():
            raise FileNotFoundError(f"no such file or folder: {root}")
        seen = set()
        for folder, folders, names in os.walk(root, followlinks=True):
            real = os.path.realpath(folder)
            if NO_INGEST_MARKER in names or real in seen:  # a link may lead back up
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith("."):
                    yield os.path.join(folder, name)


def plan_file(path: str, known: PlannedFile | None) -> PlannedFile | None:
    """What of a file is still to be read, given its latest part in the ledger.

    None if nothing is. A file that grew is read from where its last reading ended, or from the
    start of the last line or CRI record if that had no end; another file under an old name and a
    compressed file that changed are read whole (their repeated records are counted as duplicates).
    Raises OSError if the file cannot be read.
    """
    status = os.stat(path)
    size, modified = status.st_size, status.st_mtime_ns
    start = 0
    if known is not None:
        old = known.part
        if size == old.to_position and modified == known.modified_at_unix_nano:
            return None
        is_same = size >= old.to_position and (
            fingerprint_of(path, old.fingerprint_bytes, old.to_position) == old.fingerprint
        )
        if is_same and size == old.to_position:
            return None
        if is_same and old.compression == "none" and old.source_format != "otlp_json_document":
            start = _line_start(path, old.to_position)
            if old.source_format == "pod_log":
                start = unfinished_record_start(path, start)
    head, compression = head_of(path)
    if not head.strip() and compression == "none":
        return None
    length = min(size, FINGERPRINT_BYTES)
    part = FilePart(
        source_file=path,
        source_format=detect_format(head, path),
        compression=compression,
        fingerprint=fingerprint_of(path, length, size),
        fingerprint_bytes=length,
        from_position=start,
        to_position=size,
    )
    return PlannedFile(part, modified)


def _line_start(path: str, position: int) -> int:
    """Start of the line that is unfinished at `position`; `position` itself after a line end."""
    step = 1 << 16
    with open(path, "rb") as file:
        end = position
        while end > 0:
            begin = max(0, end - step)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            end = begin
    return 0


def cut_batches(
    files: Iterable[PlannedFile], max_files: int, max_bytes: int
) -> Iterator[list[PlannedFile]]:
    """Files in batches of at most `max_files` files and about `max_bytes` bytes to read."""
    batch: list[PlannedFile] = []
    total = 0
    for file in files:
        size = task_bytes(file.part)
        if batch and (len(batch) >= max_files or total + size > max_bytes):
            yield batch
            batch, total = [], 0
        batch.append(file)
        total += size
    if batch:
        yield batch


def task_bytes(part: FilePart) -> int:
    """About how many bytes a part holds once decompressed."""
    return _piece_bytes(Piece(part, part.from_position, part.to_position))


def cut_tasks(parts: Iterable[FilePart], count: int) -> list[list[Piece]]:
    """Pieces of parts in at least `count` tasks of about equal size, largest first.

    Big parts are split. The same parts give the same tasks.
    """
    parts = list(parts)
    pieces = [piece for part in parts for piece in _split(part)]
    pieces.sort(key=lambda p: (-_piece_bytes(p), p.part.source_file, p.from_position))
    total = sum(map(task_bytes, parts))
    tasks: list[list[Piece]] = [[] for _ in range(max(count, -(-total // TASK_BYTES)))]
    for number, piece in enumerate(pieces):
        tasks[number % len(tasks)].append(piece)
    return [task for task in tasks if task]


def _piece_bytes(piece: Piece) -> int:
    size = piece.to_position - piece.from_position
    return size * _GZIP_RATIO if piece.part.compression == "gzip" else size


def _split(part: FilePart) -> Iterator[Piece]:
    step = TASK_BYTES if part.is_splittable else part.to_position
    for start in range(part.from_position, part.to_position, step):
        yield Piece(part, start, min(start + step, part.to_position))
