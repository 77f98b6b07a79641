"""Files, file parts and what is in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import msgspec

from tracekeep.ingest.readers.otlp_json import read_requests
from tracekeep.ingest.readers.pod_logs import CRI_LINE, DockerLine, pod_of_path, read_pod_log
from tracekeep.ingest.records import Record, rejected_record

HEAD_BYTES = 65_536
FINGERPRINT_BYTES = 4_096
BUFFER_BYTES = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_BROKEN_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
_decode_docker_line = msgspec.json.Decoder(DockerLine).decode


@dataclass(frozen=True)
class FilePart:
    """Bytes [from_position, to_position) of a file, in one format.

    A part owns the lines that start in it. Compressed files and documents are one part.
    """

    source_file: str
    source_format: str
    compression: str
    fingerprint: str
    fingerprint_bytes: int
    from_position: int
    to_position: int

    @property
    def is_splittable(self) -> bool:
        """Whether any line can be read without the lines before it."""
        return self.source_format == "otlp_json" and self.compression == "none"


@dataclass(frozen=True)
class Piece:
    """What one task reads of a part: the lines that start in [from_position, to_position)."""

    part: FilePart
    from_position: int
    to_position: int


class _UpTo(io.RawIOBase):
    """The first bytes of a file, up to a position: what is appended meanwhile is not there."""

    def __init__(self, file: IO[bytes], end: int) -> None:
        self._file = file
        self._left = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


class _Unzipped(io.RawIOBase):
    """What a gzip stream holds; it ends where the stream is broken, and `error` says how."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = gzip.GzipFile(fileobj=file)
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        try:
            data = self._file.read1(len(buffer))
        except _BROKEN_GZIP as error:
            self.error, data = error, b""
        buffer[: len(data)] = data
        return len(data)


def head_of(path: str) -> tuple[bytes, str]:
    """The first decompressed bytes of a file and its compression: gzip or none.

    Raises OSError if the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.startswith(_GZIP_MAGIC):
        return head, "none"
    with open(path, "rb") as file:
        return io.BufferedReader(_Unzipped(file)).read(HEAD_BYTES), "gzip"


def fingerprint_of(path: str, length: int, end: int) -> str:
    """SHA-256 of the file's first `length` bytes and of the `length` bytes before position `end`:
    lines of one emitter begin alike. Raises OSError."""
    with open(path, "rb") as file:
        head = file.read(length)
        file.seek(end - length)
        return hashlib.sha256(head + file.read(length)).hexdigest()


def detect_format(head: bytes, path: str) -> str:
    """The format of a file by its first bytes: pod_log, otlp_json, otlp_json_document, unknown.

    otlp_json is one JSON value a line; a document is one JSON value over many lines.
    """
    text = head.removeprefix(_BOM)
    lines = [line for line in text.split(b"\n")[:20] if line.strip()][:3]
    if pod_of_path(path) or any(CRI_LINE.fullmatch(line) for line in lines):
        return "pod_log"
    if any(_is_docker_line(line) for line in lines):
        return "pod_log"
    if not text.lstrip().startswith((b"{", b"[")):
        return "unknown"
    is_cut = len(head) == HEAD_BYTES and b"\n" not in text
    if is_cut or any(_is_json(line) for line in lines):
        return "otlp_json"
    return "otlp_json_document"


def _is_docker_line(line: bytes) -> bool:
    try:
        _decode_docker_line(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict | list)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def read_piece(piece: Piece) -> Iterator[tuple[int, int, Record]]:
    """(byte position of the line, number within the line, record) of a piece of a file part.

    Never raises for what the file holds: a file that is gone or is another one than planned is
    one rejected record. What was appended after the plan is not read. Positions in compressed
    files count decompressed bytes.
    """
    part = piece.part
    try:
        changed = part.fingerprint != fingerprint_of(
            part.source_file, part.fingerprint_bytes, part.to_position
        )
    except OSError as error:
        yield 0, 0, rejected_record("source_changed", b"", f"cannot be read: {error}")
        return
    if changed:
        yield 0, 0, rejected_record("source_changed", b"", "the file is another one than planned")
        return
    with open(part.source_file, "rb") as raw:
        file: Any = raw
        if part.compression == "gzip":
            planned = io.BufferedReader(_UpTo(raw, part.to_position), BUFFER_BYTES)
            file = io.BufferedReader(_Unzipped(planned), BUFFER_BYTES)
        yield from _records(piece, file)


def _records(piece: Piece, file: Any) -> Iterator[tuple[int, int, Record]]:
    part = piece.part
    broken: list[tuple[int, Record]] = []
    lines = _lines(piece, file, broken)
    if part.source_format == "pod_log":
        for position, record in read_pod_log(part.source_file, lines):
            yield position, 0, record
    elif part.source_format == "otlp_json_document":
        document = b"\n".join(line for _, line in lines)
        for index, record in enumerate(read_requests(document)):
            yield 0, index, record
    elif part.source_format == "otlp_json":
        for position, line in lines:
            for index, record in enumerate(read_requests(line)):
                yield position, index, record
    else:
        for position, line in lines:
            yield position, 0, rejected_record("unknown_format", line)
    for position, record in broken:
        yield position, 0, record


def _lines(
    piece: Piece, file: Any, broken: list[tuple[int, Record]]
) -> Iterator[tuple[int, bytes]]:
    """Lines that start in the piece, without line ends and blank lines, with their positions.

    What a broken compressed stream cuts off is put into `broken`.
    """
    is_compressed = piece.part.compression == "gzip"
    position = piece.from_position
    end = sys.maxsize if is_compressed else piece.to_position
    planned_end = sys.maxsize if is_compressed else piece.part.to_position
    if position and not is_compressed:
        file.seek(position - 1)
        position += len(file.readline()) - 1
    while position < end:
        line = file.readline(planned_end - position)
        if is_compressed and file.raw.error and not line.endswith(b"\n"):
            error = str(file.raw.error)
            broken.append((position, rejected_record("truncated_gzip", line, error)))
            return
        if not line:
            return
        text = line.rstrip(b"\r\n")
        if position == 0:
            text = text.removeprefix(_BOM)
        if text.strip():
            yield position, text
        position += len(line)
