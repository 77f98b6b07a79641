"""Files, file parts and what is in them."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import msgspec

from tracekeep.ingest.readers.otlp_json import read_requests
from tracekeep.ingest.readers.pod_logs import CRI_LINE, DockerLine, pod_of_path, read_pod_log
from tracekeep.ingest.records import Record, rejected_record

HEAD_BYTES = 65_536
FINGERPRINT_BYTES = 1_024
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


def head_of(path: str) -> tuple[bytes, str]:
    """The first decompressed bytes of a file and its compression: gzip or none.

    Raises OSError if the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.startswith(_GZIP_MAGIC):
        return head, "none"
    try:
        with gzip.open(path) as file:
            return file.read(HEAD_BYTES), "gzip"
    except _BROKEN_GZIP:
        return b"", "gzip"


def fingerprint_of(path: str, length: int) -> str:
    """SHA-256 of the file's first `length` bytes. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read(length)).hexdigest()


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


def read_part(part: FilePart) -> Iterator[tuple[int, int, Record]]:
    """(byte position of the line, number within the line, record) of a file part.

    Never raises for what the file holds: a file that is gone or is another one than planned is
    one rejected record. Positions in compressed files count decompressed bytes.
    """
    try:
        changed = fingerprint_of(part.source_file, part.fingerprint_bytes) != part.fingerprint
    except OSError as error:
        yield 0, 0, rejected_record("source_changed", b"", f"cannot be read: {error}")
        return
    if changed:
        yield 0, 0, rejected_record("source_changed", b"", "the file is another one than planned")
        return
    with open(part.source_file, "rb") as raw:
        file: IO[bytes] = gzip.GzipFile(fileobj=raw) if part.compression == "gzip" else raw
        yield from _records(part, file)


def _records(part: FilePart, file: IO[bytes]) -> Iterator[tuple[int, int, Record]]:
    broken: list[tuple[int, Record]] = []
    lines = _lines(part, file, broken)
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
    part: FilePart, file: IO[bytes], broken: list[tuple[int, Record]]
) -> Iterator[tuple[int, bytes]]:
    """Lines that start in the part, without line ends and blank lines, with their positions.

    What a broken compressed stream cuts off is put into `broken`.
    """
    is_compressed = part.compression == "gzip"
    position = part.from_position
    end = float("inf") if is_compressed else part.to_position
    if position and not is_compressed:
        file.seek(position - 1)
        position += len(file.readline()) - 1
    while position < end:
        try:
            line = file.readline()
        except _BROKEN_GZIP as error:
            broken.append((position, rejected_record("truncated_gzip", b"", str(error))))
            return
        if not line:
            return
        text = line.rstrip(b"\r\n")
        if position == 0:
            text = text.removeprefix(_BOM)
        if text.strip():
            yield position, text
        position += len(line)
