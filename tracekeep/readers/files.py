"""Files, file parts and what is in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

import pyarrow as pa

from tracekeep.readers import protobuf
from tracekeep.readers.json_values import read_json, read_json_start
from tracekeep.readers.pod_logs import (
    is_pod_log_line,
    pod_of_path,
    read_pod_log,
    unfinished_lines,
)
from tracekeep.readers.records import Record, rejected_record
from tracekeep.readers.rotation import neighbours

HEAD_BYTES = 65_536
FINGERPRINT_BYTES = 4_096
BUFFER_BYTES = 1 << 16
LONGEST_LINE_BYTES = 64 << 20
LONGEST_DOCUMENT_BYTES = 512 << 20
BOMB_BYTES = 256 << 20
BOMB_RATIO = 200
_MAGIC = {"gzip": b"\x1f\x8b", "zstd": protobuf.ZSTD_MAGIC}
_BOM = b"\xef\xbb\xbf"
_BROKEN = (EOFError, OSError, zlib.error, pa.ArrowInvalid)
"""Of a stream; so is an OSError that has no number."""

POD_LOG, JSON_LINES, JSON_DOCUMENT, UNKNOWN = "pod_log", "json_lines", "json_document", "unknown"
PROTO_MESSAGE, PROTO_FRAMES = protobuf.SOURCE_FORMAT, "otlp_proto_frames"
WHOLE = (JSON_DOCUMENT, PROTO_MESSAGE)
"""Formats of files that are one value."""


@dataclass(frozen=True)
class FilePart:
    """Bytes [from_position, to_position) of a file, in one format.

    A part owns the lines that start in it. Compressed files and documents are one part.

    named_format: what `--format` named, or None. previous_file: the rotated file whose unfinished
    last records this one goes on with. is_continued: a later file goes on with this one's.
    """

    source_file: str
    source_format: str
    named_format: str | None
    compression: str
    fingerprint: str
    fingerprint_bytes: int
    from_position: int
    to_position: int
    previous_file: str | None = None
    is_continued: bool = False

    @property
    def is_splittable(self) -> bool:
        """Whether any line can be read without the lines before it."""
        return self.source_format == JSON_LINES and self.compression == "none"


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
        self._end = end

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            offset, whence = self._end + offset, os.SEEK_SET
        return self._file.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:
        data = self._file.read(min(len(buffer), max(0, self._end - self._file.tell())))
        buffer[: len(data)] = data
        return len(data)


class DecompressionBombError(Exception):
    """A compressed stream that holds absurdly more than its bytes say."""


class _Unpacked(io.RawIOBase):
    """What a compressed stream holds; it ends where the stream is broken, and `error` says how."""

    def __init__(self, file: IO[bytes], packed_size: int, compression: str) -> None:
        self._compression = compression
        self._file = file
        self._read = self._opened()
        self._size = 0
        self._largest = max(BOMB_BYTES, BOMB_RATIO * packed_size)
        self.error: Exception | None = None

    def _opened(self) -> Callable[[int], bytes]:
        if self._compression == "gzip":
            return gzip.GzipFile(fileobj=self._file).read1
        return pa.CompressedInputStream(pa.PythonFile(self._file, "r"), self._compression).read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        if self.error is not None:
            return 0
        try:
            data = self._read(len(buffer))
        except _BROKEN as error:
            if getattr(error, "errno", None) is not None:  # the disk's
                raise
            self.error = error
            data = b"" if self._compression == "gzip" else self._before_the_break(len(buffer))
        self._size += len(data)
        if self._size > self._largest:
            self.error = DecompressionBombError(
                f"more than {BOMB_RATIO} times its compressed size, cut off at {self._size} bytes"
            )
            return 0
        buffer[: len(data)] = data
        return len(data)

    def _before_the_break(self, most: int) -> bytes:
        """What Arrow had unpacked when it met the break, and threw away: it is read once more, byte
        by byte. Gzip's reader gives all it has."""
        self._file.seek(0)
        read, left = self._opened(), self._size
        while left:
            left -= len(read(min(left, BUFFER_BYTES)))
        found = bytearray()
        try:
            while len(found) < most and (byte := read(1)):
                found += byte
        except _BROKEN as error:
            if getattr(error, "errno", None) is not None:
                raise
        return bytes(found)

    @property
    def reason(self) -> str:
        """Why the stream ended early, as a reason of a rejected record."""
        is_bomb = isinstance(self.error, DecompressionBombError)
        if is_bomb:
            return "decompression_bomb"
        return "truncated_gzip" if self._compression == "gzip" else "truncated"


def _compression_of(head: bytes) -> str:
    return next((name for name, magic in _MAGIC.items() if head.startswith(magic)), "none")


def _unpacked(file: IO[bytes], compression: str) -> Any:
    """A buffered reader of a whole compressed file, which an object store may hold."""
    packed_size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return io.BufferedReader(_Unpacked(file, packed_size, compression), BUFFER_BYTES)


def unpacked(file: IO[bytes]) -> Any:
    """A reader of what an open file holds; of a compressed one the content, up to where it is
    broken."""
    compression = _compression_of(file.read(4))
    file.seek(0)
    return file if compression == "none" else _unpacked(file, compression)


def head_of(path: str) -> tuple[bytes, str]:
    """The first decompressed bytes of a file and its compression: gzip, zstd or none.

    Raises OSError if the file cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    compression = _compression_of(head)
    if compression == "none":
        return head, compression
    with open(path, "rb") as file:
        return _unpacked(file, compression).read(HEAD_BYTES), compression


def fingerprint_of(path: str, length: int, end: int) -> str:
    """SHA-256 of the file's first `length` bytes and of the `length` bytes before position `end`:
    lines of one emitter begin alike. Raises OSError."""
    with open(path, "rb") as file:
        head = file.read(length)
        file.seek(end - length)
        return hashlib.sha256(head + file.read(length)).hexdigest()


def unpacked_fingerprint(path: str, length: int, end: int) -> str | None:
    """`fingerprint_of` what a compressed file holds, if that is exactly `end` bytes; else None.

    Raises OSError.
    """
    with open(path, "rb") as raw:
        file = unpacked(raw)
        head = file.read(length)
        tail, size = head, len(head)
        while data := file.read(BUFFER_BYTES):
            size += len(data)
            tail = (tail + data)[-length:] if length else b""
            if size > end:
                return None
    if file.raw.error or size != end:
        return None
    return hashlib.sha256(head + tail[-length:] if length else b"").hexdigest()


def detect_format(head: bytes, path: str, size: int) -> str:
    """The format of a file by its first bytes and its size: pod_log, json_lines (one JSON value a
    line), json_document (one JSON value over many lines), otlp_proto (one message),
    otlp_proto_frames (messages behind their lengths) or unknown."""
    if protobuf.is_message(head, size):
        return PROTO_MESSAGE
    if protobuf.is_framed(head, size):
        return PROTO_FRAMES
    text = head.removeprefix(_BOM)
    lines = [line for line in text.split(b"\n")[:20] if line.strip()][:3]
    if pod_of_path(path) or any(map(is_pod_log_line, lines)):
        return POD_LOG
    if not text.lstrip().startswith((b"{", b"[")):
        is_json = any(line.lstrip()[:1] in (b"{", b"[") and read_json_start(line) for line in lines)
        return JSON_LINES if is_json else UNKNOWN
    is_cut = len(head) == HEAD_BYTES and b"\n" not in text
    if is_cut or any(map(read_json_start, lines)):
        return JSON_LINES
    # a line that is torn and followed by another object: lines, of which the first is broken
    starts = sum(line.startswith((b"{", b"[{")) for line in lines)
    return JSON_LINES if starts > 1 else JSON_DOCUMENT


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
        if part.compression != "none":
            planned = io.BufferedReader(_UpTo(raw, part.to_position), BUFFER_BYTES)
            stream = _Unpacked(planned, part.to_position, part.compression)
            file = io.BufferedReader(stream, BUFFER_BYTES)
        yield from _records(piece, file)


def read_text(path: str, text: bytes, named: str | None = None) -> Iterator[Record]:
    """Records of a text that stands alone: lines of a pod log, a JSON value, or a message of
    protobuf.

    path: where it was; a pod's folder names its pod. Never raises.
    """
    if text.startswith(protobuf.ZSTD_MAGIC) or protobuf.is_message(text, len(text)):
        yield from protobuf.read_body(text, LONGEST_DOCUMENT_BYTES)
        return
    lines = [line for line in text.split(b"\n") if line.strip()]
    if lines and is_pod_log_line(lines[0]) and named in (None, POD_LOG):
        for _, record in read_pod_log(path, ((None, line) for line in lines)):
            record.setdefault("source_format", POD_LOG)
            yield record
    elif text.lstrip()[:1] in (b"{", b"["):
        yield from read_json(text, named)
    elif lines:
        yield rejected_record("unknown_format", text)


def _records(piece: Piece, file: Any) -> Iterator[tuple[int, int, Record]]:
    part = piece.part
    is_packed = part.compression != "none"
    if part.source_format in (PROTO_MESSAGE, PROTO_FRAMES):
        yield from _proto_records(part, file)
        if is_packed and file.raw.error:
            yield 0, 0, rejected_record(file.raw.reason, b"", str(file.raw.error))
        return
    broken: list[tuple[int, Record]] = []
    lines = _lines(piece, file, broken)
    named = part.named_format
    if part.source_format == POD_LOG:
        before = _unfinished_lines_of(part.previous_file) if part.previous_file else []
        for place, record in read_pod_log(
            part.source_file, lines, before, is_continued=part.is_continued
        ):
            if isinstance(place, tuple):  # it begins in the file before this one
                record["source_file"], place = place
            yield place, 0, record
    elif part.source_format == JSON_DOCUMENT:
        for index, record in enumerate(_document_records(lines, named)):
            yield 0, index, record
    elif part.source_format == JSON_LINES:
        for position, line in lines:
            for index, record in enumerate(read_json(line, named)):
                yield position, index, record
    else:
        for position, line in lines:  # JSON may still come after what the file begins with
            is_json = line.lstrip()[:1] in (b"{", b"[") and read_json_start(line)
            records = read_json(line) if is_json else [rejected_record("unknown_format", line)]
            for index, record in enumerate(records):
                yield position, index, record
    for position, record in broken:
        yield position, 0, record


def _proto_records(part: FilePart, file: Any) -> Iterator[tuple[int, int, Record]]:
    is_packed = part.compression != "none"
    if part.source_format == PROTO_FRAMES:
        if not is_packed:
            file.seek(part.from_position)
        end = None if is_packed else part.to_position
        yield from protobuf.read_frames(file, part.from_position, end, LONGEST_DOCUMENT_BYTES)
        return
    body = file.read(LONGEST_DOCUMENT_BYTES + 1 if is_packed else part.to_position)
    if len(body) > LONGEST_DOCUMENT_BYTES:
        detail = f"one message of more than {LONGEST_DOCUMENT_BYTES >> 20} MiB"
        yield 0, 0, rejected_record("too_large", b"", detail)
        return
    for index, record in enumerate(protobuf.read_body(body, LONGEST_DOCUMENT_BYTES)):
        yield 0, index, record


def _document_records(lines: Iterator[tuple[int, bytes]], named: str | None) -> Iterator[Record]:
    """Records of a document over many lines; one that is too large to hold is rejected line by
    line, so that none of its text is lost."""
    held: list[bytes] = []
    size = 0
    for _, line in lines:
        held.append(line)
        size += len(line) + 1
        if size > LONGEST_DOCUMENT_BYTES:
            detail = f"one JSON document of more than {LONGEST_DOCUMENT_BYTES >> 20} MiB"
            for text in held:
                yield rejected_record("too_large", text, detail)
            for _, text in lines:
                yield rejected_record("too_large", text, detail)
            return
    yield from read_json(b"\n".join(held), named)


def _unfinished_lines_of(path: str) -> list[tuple[tuple[str, int], bytes]]:
    """Lines of a rotated file's records that it does not end; their place is (file, position).

    Empty if the file is gone: then its own reading has kept what it held.
    """
    try:
        with open(path, "rb") as raw:
            lines = unfinished_lines(path, _plain_lines(unpacked(raw)))
            if lines and lines[0][0] == 0:  # it may go on with a file before it
                older, _ = neighbours(path)
                before = _unfinished_lines_of(older) if older else []
                raw.seek(0)
                own = (((path, position), line) for position, line in _plain_lines(unpacked(raw)))
                return unfinished_lines(path, chain(before, own))
            return [((path, position), line) for position, line in lines]
    except OSError:
        return []


def _plain_lines(file: Any) -> Iterator[tuple[int, bytes]]:
    position = 0
    for line in file:
        yield position, line.rstrip(b"\r\n")
        position += len(line)


def _lines(
    piece: Piece, file: Any, broken: list[tuple[int, Record]]
) -> Iterator[tuple[int, bytes]]:
    """Lines that start in the piece, without line ends and blank lines, with their positions.

    What a broken compressed stream cuts off is put into `broken`, and so are the parts of a line
    that is too long for one record.
    """
    is_compressed = piece.part.compression != "none"
    position = piece.from_position
    end = sys.maxsize if is_compressed else piece.to_position
    planned_end = sys.maxsize if is_compressed else piece.part.to_position
    if position and not is_compressed:
        file.seek(position - 1)
        while (skipped := file.readline(LONGEST_LINE_BYTES)) and not skipped.endswith(b"\n"):
            position += len(skipped)
        position += len(skipped) - 1
    is_inside = False
    while position < end or is_inside:
        line = file.readline(min(planned_end - position, LONGEST_LINE_BYTES))
        if is_compressed and file.raw.error and not line.endswith(b"\n"):
            error = str(file.raw.error)
            broken.append((position, rejected_record(file.raw.reason, line[:BUFFER_BYTES], error)))
            return
        if not line:
            return
        is_long = len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n")
        if is_inside or is_long:
            detail = f"part of a line of more than {LONGEST_LINE_BYTES >> 20} MiB"
            broken.append((position, rejected_record("too_large", line, detail)))
            is_inside = is_long
        else:
            text = line.rstrip(b"\r\n")
            if position == 0:
                text = text.removeprefix(_BOM)
            if text.strip():
                yield position, text
        position += len(line)
