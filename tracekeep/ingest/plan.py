"""What to read next: files against the ledger, cut into batches and tasks."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tracekeep.readers.files import (
    FINGERPRINT_BYTES,
    JSON_LINES,
    POD_LOG,
    PROTO_FRAMES,
    WHOLE,
    FilePart,
    Piece,
    detect_format,
    fingerprint_of,
    head_of,
    unpacked_fingerprint,
)
from tracekeep.readers.pod_logs import resumed_from, unfinished_start
from tracekeep.readers.protobuf import framed_end
from tracekeep.readers.rotation import family_of, neighbours

NO_INGEST_MARKER = ".noingest"
TASK_BYTES = 16 << 20
SETTLED_SECONDS = 60
"""A tail without an end is taken as it is when its file has not changed for so long."""

_PACKED_RATIO = 8  # a guess at decompressed bytes, only to balance tasks


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


class Planner:
    """Plans files against what the ledger knows.

    known: the latest part of each file, by path. found: all paths that are planned now.
    named_format: what `--format` says. is_live: files are still written to (`--follow`): what has
    no end yet is held back until it has one, or until the file has not changed for
    SETTLED_SECONDS.
    """

    def __init__(
        self,
        known: Mapping[str, PlannedFile],
        found: Iterable[str] = (),
        named_format: str | None = None,
        is_live: bool = False,
    ) -> None:
        self._known = known
        self._found = frozenset(found)
        self._named_format = named_format
        self._is_live = is_live
        self._families: dict[str, list[PlannedFile]] = defaultdict(list)
        for path, file in known.items():
            if file.part.source_format == POD_LOG:
                self._families[family_of(path)].append(file)

    def plan(self, path: str) -> PlannedFile | None:
        """What of a file is still to be read; None if nothing is.

        A file that grew is read from where its last reading ended, or from the start of a line or
        record that had no end there. A rotated file is known by what was read of it under its old
        name. Another file under an old name and a compressed file that changed are read whole
        (their repeated records are counted as duplicates).
        Raises OSError if the file cannot be read.
        """
        status = os.stat(path)
        size, modified = status.st_size, status.st_mtime_ns
        known = self._known.get(path)
        if known and (known.part.to_position, known.modified_at_unix_nano) == (size, modified):
            return None
        head, compression = head_of(path)
        if not head.strip() and compression == "none":
            return None
        source_format = self._format_of(head, path, size if compression == "none" else sys.maxsize)
        old = self._old_part(path, known, size, compression, source_format)
        start = 0
        if old is not None:
            if compression != "none" or (size == old.to_position and path == old.source_file):
                return None
            if old.source_format == PROTO_FRAMES:
                start = old.to_position
            elif old.source_format not in WHOLE:
                start = _line_start(path, old.to_position)
                if source_format == POD_LOG:
                    start = resumed_from(path, start, old.to_position)
        previous, is_continued = None, False
        if source_format == POD_LOG:
            previous, younger = neighbours(path)
            is_continued = younger is not None and self._goes_on_with(younger, path)
        end = size
        if self._is_live and compression == "none" and not is_continued:
            end = _settled_end(path, source_format, size, modified)
        if old is not None and start >= end:
            return None
        length = min(end, FINGERPRINT_BYTES)
        if not length:
            return None
        part = FilePart(
            source_file=path,
            source_format=source_format,
            named_format=self._named_format,
            compression=compression,
            fingerprint=fingerprint_of(path, length, end),
            fingerprint_bytes=length,
            from_position=start,
            to_position=end,
            previous_file=previous if start == 0 else None,
            is_continued=is_continued,
        )
        return PlannedFile(part, modified if end == size else 0)

    def _goes_on_with(self, younger: str, path: str) -> bool:
        """Whether the reading of the next younger file begins, or began, with this one's tail."""
        known = self._known.get(younger)
        size = os.stat(younger).st_size
        if known is None or not size:
            return younger in self._found and size > 0
        old = known.part
        was_read = size >= old.to_position and old.fingerprint == fingerprint_of(
            younger, old.fingerprint_bytes, old.to_position
        )
        return old.previous_file == path if was_read else younger in self._found

    def _format_of(self, head: bytes, path: str, size: int) -> str:
        found = detect_format(head, path, size)
        if self._named_format == POD_LOG:
            return POD_LOG
        if self._named_format and found not in (JSON_LINES, *WHOLE, PROTO_FRAMES):
            return JSON_LINES
        return found

    def _old_part(
        self, path: str, known: PlannedFile | None, size: int, compression: str, source_format: str
    ) -> FilePart | None:
        """What the ledger knows of this very content, under this name or that before a rotation."""
        if known is not None:
            old = known.part
            is_same = size >= old.to_position and old.fingerprint == fingerprint_of(
                path, old.fingerprint_bytes, old.to_position
            )
            if is_same and compression == "none":
                return old
            return old if is_same and size == old.to_position else None
        if source_format != POD_LOG:
            return None
        for file in self._families.get(family_of(path), ()):
            old = file.part
            if old.compression != "none" or (compression == "none" and size < old.to_position):
                continue
            fingerprint = fingerprint_of if compression == "none" else unpacked_fingerprint
            if fingerprint(path, old.fingerprint_bytes, old.to_position) == old.fingerprint:
                return old
        return None


def plan_file(path: str, known: PlannedFile | None) -> PlannedFile | None:
    """Plan one file on its own, given its latest part in the ledger. Raises OSError."""
    return Planner({path: known} if known else {}).plan(path)


def _settled_end(path: str, source_format: str, size: int, modified: int) -> int:
    """Where the finished records of a file that is being written end."""
    if time.time_ns() - modified >= SETTLED_SECONDS * 10**9:
        return size
    if source_format in WHOLE:
        return 0  # it may be half written; all of it is read when it has settled
    if source_format == PROTO_FRAMES:
        with open(path, "rb") as file:
            return framed_end(file, 0, size)
    end = _line_start(path, size)
    return unfinished_start(path, end) if source_format == POD_LOG else end


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
        for part in _bounded(file, max_bytes):
            size = task_bytes(part.part)
            if batch and (len(batch) >= max_files or total + size > max_bytes):
                yield batch
                batch, total = [], 0
            batch.append(part)
            total += size
    if batch:
        yield batch


def _bounded(file: PlannedFile, max_bytes: int) -> Iterator[PlannedFile]:
    """A file whose lines can be read apart in parts of at most `max_bytes`; any other one whole."""
    part = file.part
    if not part.is_splittable or part.to_position - part.from_position <= max_bytes:
        yield file
        return
    start = part.from_position
    while start < part.to_position:
        end = part.to_position
        if end - start > max_bytes:
            end = _line_start(part.source_file, start + max_bytes)
            end = end if end > start else part.to_position  # one line without an end
        length = min(end, FINGERPRINT_BYTES)
        yield replace(
            file,
            part=replace(
                part,
                from_position=start,
                to_position=end,
                fingerprint=fingerprint_of(part.source_file, length, end),
                fingerprint_bytes=length,
            ),
        )
        start = end


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
    return size if piece.part.compression == "none" else size * _PACKED_RATIO


def _split(part: FilePart) -> Iterator[Piece]:
    step = TASK_BYTES if part.is_splittable else part.to_position
    for start in range(part.from_position, part.to_position, step):
        yield Piece(part, start, min(start + step, part.to_position))
