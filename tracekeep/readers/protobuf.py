"""OTLP in protobuf: one message, or messages one behind the other, each behind its length.

Sources: opentelemetry-proto 1.x; the collector's file exporter, which writes the length of a
message as four bytes, the greatest first, and with compression each message as a zstd frame; its
Kafka exporter, which writes one message a value (`otlp_proto`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import IO, Any

import msgspec
import pyarrow as pa

from tracekeep.readers.json_values import read_json
from tracekeep.readers.records import Record, rejected_record
from tracekeep.readers.values import valid_utf8

SOURCE_FORMAT = "otlp_proto"
LENGTH_BYTES = 4
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_LONGEST_MESSAGE = ord("\t") << 24
"""Bytes, 150 million: four characters of a text would be the length of a longer one."""
_GROUPS, _RESOURCE = 0x0A, 0x0A
_OF_GROUP, _OF_RESOURCE = (0x0A, 0x12, 0x1A), (0x0A, 0x10, 0x1A)
"""Tags of the groups of an export request, one a resource, and of what they and resources hold."""


def is_message(head: bytes, size: int) -> bool:
    """Whether bytes begin as an export request of `size` bytes does: with a group, which begins
    with a resource or a scope's records. A text that begins with a line end does not."""
    group = _field(head, 0, size) if head[:1] == bytes([_GROUPS]) else None
    inner = None if group is None else _field(head, *group)
    if group is None or inner is None or head[group[0]] not in _OF_GROUP:
        return False
    first, end = inner
    is_checked = head[group[0]] == _RESOURCE and first < min(end, len(head))
    return not is_checked or head[first] in _OF_RESOURCE


def _field(head: bytes, place: int, end: int) -> tuple[int, int] | None:
    """Where the value of a field with a length begins and ends; None if there is no room for it."""
    try:
        length, start = _varint(head, place + 1)
    except ValueError:
        return None
    return (start, start + length) if start + length <= end else None


def is_framed(head: bytes, size: int) -> bool:
    """Whether bytes begin with the length of a message and the message."""
    length = int.from_bytes(head[:LENGTH_BYTES], "big")
    body = head[LENGTH_BYTES:]
    if not 0 < length <= min(size - LENGTH_BYTES, _LONGEST_MESSAGE):
        return False
    return body.startswith((ZSTD_MAGIC, b'{"')) or is_message(body, length)


def framed_end(file: IO[bytes], start: int, size: int) -> int:
    """Where the last whole message ends that stands behind its length, from `start` on."""
    while True:
        file.seek(start)
        length = int.from_bytes(file.read(LENGTH_BYTES), "big")
        if start + LENGTH_BYTES > size or start + LENGTH_BYTES + length > size:
            return start
        start += LENGTH_BYTES + length


def read_frames(
    file: Any, start: int, end: int | None, longest: int
) -> Iterator[tuple[int, int, Record]]:
    """(position, number within the message, record) of messages behind their lengths.

    end: where the planned part ends, None for what is compressed as a whole. A message that ends
    too early, or is longer than `longest` bytes, is a rejected record; nothing behind it is read.
    """
    position = start
    while end is None or position < end:
        head = file.read(LENGTH_BYTES)
        if not head:
            return
        length = int.from_bytes(head, "big")
        left = length if end is None else min(length, end - position - LENGTH_BYTES)
        if length > longest:
            detail = f"a message of {length} bytes"
            yield position, 0, _rejected("too_large", file.read(min(left, longest)), detail)
            return
        body = file.read(max(0, left))
        if len(head) < LENGTH_BYTES or len(body) < length:
            yield position, 0, _rejected("truncated", head + body, f"{len(body)} of {length} bytes")
            return
        for index, record in enumerate(read_body(body, longest)):
            yield position, index, record
        position += LENGTH_BYTES + length


def read_body(body: bytes, longest: int) -> Iterator[Record]:
    """Records of one message, which may be a zstd frame, in protobuf or JSON. Never raises."""
    if body.startswith(ZSTD_MAGIC):
        try:
            unpacked = pa.CompressedInputStream(pa.BufferReader(body), "zstd").read(longest + 1)
        except (OSError, pa.ArrowInvalid) as error:
            yield _rejected("truncated", body, str(error))
            return
        if len(unpacked) > longest:
            yield _rejected("decompression_bomb", body, f"more than {longest} bytes")
            return
        body = unpacked
    if body.lstrip()[:1] in (b"{", b"["):
        yield from read_json(body)
    else:
        yield from read_message(body)


def read_message(data: bytes) -> Iterator[Record]:
    """Records of one export request; a rejected record, with the bytes as base64, for anything
    else.

    Never raises. Requests of traces and of logs look alike from outside: a message is of the kind
    that knows more of it.
    """
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    known = []
    for kind in (TracesData, LogsData):
        message = kind()
        try:
            try:
                message.ParseFromString(data)
            except DecodeError:
                message.ParseFromString(_with_valid_texts(data, kind.DESCRIPTOR))
            message.DiscardUnknownFields()
        except (DecodeError, RecursionError, ValueError) as error:
            known.append((-1, None, str(error)))
        else:
            known.append((message.ByteSize(), message, None))
    size, message, error = max(known, key=lambda each: each[0])
    if message is None:
        yield _rejected("invalid_protobuf", data, error)
        return
    try:
        text = msgspec.json.encode(MessageToDict(message))
    except (ValueError, RecursionError) as error:
        yield _rejected("invalid_protobuf", data, str(error))
        return
    is_empty = True
    for record in read_json(text, "otlp"):
        is_empty = False
        record["source_format"] = SOURCE_FORMAT
        yield record
    if is_empty and size < len(data):
        yield _rejected("unknown_format", data, "no spans or log records in the message")


_NUMBER, _WITH_LENGTH = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}
"""Protobuf's wire types, which say how a value is written."""


def _with_valid_texts(data: bytes, message: Any) -> bytes:
    """A message of a descriptor with U+FFFD for each byte of its texts that is no UTF-8: exporters
    pass on what applications wrote, and one such byte would cost the whole request.

    Raises ValueError where the bytes are no message.
    """
    whole, place = bytearray(), 0
    while place < len(data):
        start = place
        tag, place = _varint(data, place)
        wire = tag & 7
        if wire == _WITH_LENGTH:
            length, place = _varint(data, place)
            value, place = data[place : place + length], place + length
            field = message.fields_by_number.get(tag >> 3)
            if field is not None and field.type == field.TYPE_STRING:
                value = valid_utf8(value)
            elif field is not None and field.type == field.TYPE_MESSAGE:
                value = _with_valid_texts(value, field.message_type)
            whole += _as_varint(tag) + _as_varint(len(value)) + value
        else:
            if wire == _NUMBER:
                place = _varint(data, place)[1]
            elif wire in _FIXED_BYTES:
                place += _FIXED_BYTES[wire]
            else:
                raise ValueError(f"a field of wire type {wire}")
            whole += data[start:place]
        if place > len(data):
            raise ValueError("a field ends behind the message")
    return bytes(whole)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of up to ten bytes, seven bits each, and the place behind it."""
    value = 0
    for number, byte in enumerate(data[place : place + 10]):
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return value, place + number + 1
    raise ValueError("a number has no end")


def _as_varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _rejected(reason: str, data: bytes, detail: str | None) -> Record:
    record = rejected_record(reason, base64.b64encode(data), detail)
    return {**record, "source_format": SOURCE_FORMAT}
