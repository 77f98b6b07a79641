"""Kubelet pod logs: CRI lines and docker json-file lines, joined to whole records.

Sources: Kubernetes CRI logging format (`<time> <stream> <P|F>[:tags] <text>`), docker's json-file
driver, kubelet's folders `<namespace>_<pod>_<uid>/<container>/<restart>.log` and its links
`<pod>_<namespace>_<container>-<id>.log`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import msgspec

from tracekeep.readers.levels import ERROR, INFERRED
from tracekeep.readers.log_fields import Attributes, LogFields, json_fields
from tracekeep.readers.log_texts import RESOURCE_MEANINGS, told_by
from tracekeep.readers.policy import policy, stack_language
from tracekeep.readers.records import Record, log_record, log_source, rejected_record
from tracekeep.readers.values import (
    Unusable,
    content_hash,
    decoded,
    rfc3339_nanoseconds,
    sorted_attributes,
    usable_time,
    valid_utf8,
)

_CRI_LINE = re.compile(rb"(\S+) (stdout|stderr) ([PF])(?::\S*)?(?: (.*))?", re.DOTALL)
_NAME, _POD_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?"
_POD_FOLDER = re.compile(rf"(?P<namespace>{_NAME})_(?P<pod>{_POD_NAME})_(?P<uid>[0-9a-zA-Z-]+)")
_POD_LINK = re.compile(
    rf"(?P<pod>{_POD_NAME})_(?P<namespace>{_NAME})_(?P<container>{_NAME})-[0-9a-f]{{64}}\.log.*"
)
_LONGEST_RECORD_BYTES = 4 << 20
_LONGEST_STACK_LINES = 2_000
_MOST_BLANK_LINES = 16


class DockerLine(msgspec.Struct):
    """A line of docker's json-file driver; `kubernetes` is what Fluent Bit adds."""

    log: str
    stream: str | None = None
    time: str | None = None
    kubernetes: dict[str, Any] | None = None


_decode_docker_line = msgspec.json.Decoder(DockerLine).decode


class _Open:
    """A record that its stream may still go on with.

    texts: of its parts, bytes for CRI (a part may end inside a character). is_part: its last line
    has no end. stack: language of the stack trace it is in. is_closed: that trace has ended.
    blanks: empty lines right behind it. line: the log line that it, a stack trace, follows; both
    are finished together, so that no reading parts them. waiting: of a part, the record before it,
    which the whole line may go on with.
    """

    __slots__ = (
        "blanks", "is_closed", "is_cri", "is_part", "kubernetes", "line", "lines", "place",
        "places", "stack", "stream", "texts", "time", "waiting",
    )  # fmt: skip

    def __init__(self, place: Any, time: str, stream: str | None, is_cri: bool) -> None:
        self.place = place
        self.time = time
        self.stream = stream
        self.is_cri = is_cri
        self.is_part = True
        self.stack: str | None = None
        self.is_closed = False
        self.kubernetes: dict[str, Any] | None = None
        self.texts: list[Any] = []
        self.lines: list[bytes] = []
        self.places: list[Any] = []
        self.blanks: list[_Open] = []
        self.line: _Open | None = None
        self.waiting: _Open | None = None

    def records(self) -> list[_Open]:
        """What is finished together with it: its log line, itself, and the blank lines of both."""
        before = self.line or self.waiting
        return [*(before.records() if before else ()), self, *self.blanks]

    def line_places(self) -> list[tuple[Any, bytes]]:
        """Places and lines of all that is finished together with it."""
        return [
            pair
            for record in self.records()
            for pair in zip(record.places, record.lines, strict=True)
        ]

    @property
    def start(self) -> Any:
        """The place of the first line that is finished together with it."""
        return self.records()[0].place

    def text(self) -> str:
        if self.is_cri:
            return b"".join(self.texts).decode("utf-8", "replace")
        return "".join(self.texts)


class Assembler:
    """Joins the lines of one container's log: parts of long lines, and lines of stack traces.

    `feed` returns the records that a line has finished, or a rejected one; `rest` the others.
    `ended` has the places of the first and the last line of each finished record of many lines.
    """

    def __init__(self, path: str) -> None:
        self._resource = pod_of_path(path)
        self.open: dict[str | None, _Open] = {}
        self.ended: list[tuple[Any, Any]] = []

    def feed(self, place: Any, line: bytes) -> list[tuple[Any, Record]]:
        """Take a line without its line end; `place` comes back with the record it begins."""
        if line[:1] == b"{":
            return self._docker(place, line)
        match = _CRI_LINE.fullmatch(line)
        if match is None:
            return [(place, rejected_record("unknown_format", line, "no CRI or docker line"))]
        time, stream_bytes, flag, text = match.groups()
        stream = stream_bytes.decode()
        held = self.open.get(stream)
        if held is not None and held.is_part and held.is_cri:
            current, before = held, held.waiting
        else:
            current, before = _Open(place, time.decode("ascii", "replace"), stream, True), held
        current.is_part = flag == b"P"
        current.texts.append(text or b"")
        return self._taken(place, line, current, before)

    def _docker(self, place: Any, line: bytes) -> list[tuple[Any, Record]]:
        try:
            docker = decoded(_decode_docker_line, valid_utf8(line))
        except msgspec.ValidationError as error:
            return [(place, rejected_record("wrong_type", line, str(error)))]
        except (msgspec.DecodeError, RecursionError) as error:
            reason = "trailing_text" if "trailing characters" in str(error) else "invalid_json"
            return [(place, rejected_record(reason, line, str(error)))]
        stream, log = docker.stream, docker.log
        held = self.open.get(stream)
        time = docker.time or ""
        if (
            held is not None
            and held.is_part
            and not held.is_cri
            and _is_near(held, time)
            and not policy().record_start.match(log)
        ):
            current, before = held, held.waiting
        else:
            current, before = _Open(place, time, stream, False), held
            current.kubernetes = docker.kubernetes
        current.is_part = not log.endswith("\n")
        current.texts.append(log if current.is_part else log.removesuffix("\n").removesuffix("\r"))
        return self._taken(place, line, current, before)

    def _taken(
        self, place: Any, line: bytes, current: _Open, before: _Open | None
    ) -> list[tuple[Any, Record]]:
        """Take a line that belongs to `current`, and what is finished by it."""
        done: list[tuple[Any, Record]] = []
        current.lines.append(line)
        current.places.append(place)
        if before is not None and before.is_part:
            self._finish(before, done)
            before = None
        if current.is_part:
            current.waiting = before
            self.open[current.stream] = current
        else:
            current.waiting = None
            self._whole(current, before, done)
        return done

    def _whole(self, current: _Open, before: _Open | None, done: list[tuple[Any, Record]]) -> None:
        """Take a whole line: it goes on with the stack trace before it, or begins a record."""
        text = current.text()
        if before is not None and not before.blanks and _goes_on(before, text):
            separator: Any = b"\n" if before.is_cri else "\n"
            own = current.texts if before.is_cri == current.is_cri else _converted(text, before)
            before.texts += [separator, *own]
            before.lines += current.lines
            before.places += current.places
            self.open[current.stream] = before
            return
        is_behind_line = before is not None and before.stack is None
        if is_behind_line and not text.strip() and len(before.blanks) < _MOST_BLANK_LINES:
            before.blanks.append(current)
            self.open[current.stream] = before
            return
        current.stack = stack_language(text)
        if is_behind_line and current.stack is not None:
            current.line = before
        elif before is not None:
            self._finish(before, done)
        self.open[current.stream] = current

    def rest(self) -> list[tuple[Any, Record]]:
        """The records that are still open, as they are."""
        done: list[tuple[Any, Record]] = []
        for _, held in sorted(self.open.items(), key=lambda item: str(item[0])):
            self._finish(held, done)
        return done

    def _finish(self, held: _Open, done: list[tuple[Any, Record]]) -> None:
        if held.waiting is not None:
            self._finish(held.waiting, done)
            held.waiting = None
        if held.line is None and not held.blanks:  # as most records are
            if len(held.places) > 1:
                self.ended.append((held.places[0], held.places[-1]))
            done.append((held.place, _application_log(held, self._resource)))
            return
        lines = held.line_places()
        if len(lines) > 1:
            self.ended.append((lines[0][0], lines[-1][0]))
        records = held.records()
        read = [_application_log(record, self._resource) for record in records]
        if held.line is not None:
            _link(read[0], read[records.index(held)])
        done += zip((record.place for record in records), read, strict=True)


def _link(line: Record, stack: Record) -> None:
    """Give a stack trace what it lacks of the log line before it: ids and level. Errors tell of one
    failure, which `tracekeep.failure` names in both; without a trace id they are one identity."""
    if "reason" in line or "reason" in stack:
        return
    for name in ("trace_id", "span_id"):
        stack[name] = stack[name] or line[name]
    if stack["trace_id"] is not None:
        stack.pop("record_hash", None)
    if stack["severity_source"] == INFERRED and line["severity_number"] is not None:
        stack.update({name: line[name] for name in ("severity_number", "severity_text")})
    if stack["trace_id"] != line["trace_id"]:
        return
    if "record_hash" in line:
        stack["record_hash"] = line["record_hash"]
    if min(line["severity_number"] or 0, stack["severity_number"] or 0) >= ERROR:
        source = log_source(dict(line["resource_attributes"]))
        failure = content_hash(source, line["stream"], line["time_unix_nano"], line["body"])
        for record in (line, stack):
            told = [*record["attributes"], ("tracekeep.failure", failure)]
            record["attributes"] = sorted_attributes(told)


def _converted(text: str, before: _Open) -> list[Any]:
    return [text.encode()] if before.is_cri else [text]


def _is_near(held: _Open, time: str) -> bool:
    """Whether a docker line comes soon enough after a part to be the rest of it."""
    if held.time == time:
        return True
    first, second = rfc3339_nanoseconds(held.time), rfc3339_nanoseconds(time)
    if first is None or second is None:
        return False
    return abs(second - first) <= policy().part_nanoseconds


def _goes_on(before: _Open, text: str) -> bool:
    """Whether a line goes on with the stack trace of the record before it; notes what follows."""
    if len(before.lines) >= _LONGEST_STACK_LINES:
        return False
    if before.stack is not None:
        stack = policy().stack_traces[before.stack]
        if stack.second is not None and len(before.lines) == 1:
            return stack.second.match(text) is not None
        if before.is_closed:
            goes_on = stack.chained is not None and stack.chained.match(text) is not None
            before.is_closed = not (goes_on and text.strip())
            return goes_on
        if stack.inside.match(text):
            return True
        if stack.last is not None and stack.last.match(text):
            before.is_closed = True
            return True
    elif policy().continued["inside"].match(text):
        head = before.text().partition("\n")[0]
        if policy().continued["head"].match(head):
            return True
    frame = policy().frame.match(text)
    if frame is None:
        return False
    if before.stack is None and stack_language(text) is not None:
        return False  # it begins a record of its own
    before.stack = frame.lastgroup
    return True


def is_pod_log_line(line: bytes) -> bool:
    """Whether a line is one of CRI or of docker's json-file driver."""
    if _CRI_LINE.fullmatch(line.rstrip(b"\r\n")):
        return True
    try:
        docker = _decode_docker_line(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return docker.stream is not None  # an application's own JSON may have a field `log` too


def pod_of_path(path: str) -> Attributes:
    """Resource attributes that kubelet's folders tell; empty for a file that lies elsewhere."""
    parts = PurePosixPath(path).parts
    link = _POD_LINK.fullmatch(parts[-1]) if parts else None
    match = link or (_POD_FOLDER.fullmatch(parts[-3]) if len(parts) >= 3 else None)
    if match is None:
        return []
    names = match.groupdict()
    names.setdefault("container", parts[-2])
    return sorted_attributes(
        (f"k8s.pod.{name}" if name == "uid" else f"k8s.{name}.name", value)
        for name, value in names.items()
    )


def read_pod_log(
    path: str,
    lines: Iterable[tuple[Any, bytes]],
    before: Iterable[tuple[Any, bytes]] = (),
    is_continued: bool = False,
) -> Iterator[tuple[Any, Record]]:
    """Records of one container's log with the place of their first line.

    lines: (place, line without its line end), in file order; before: lines of the file before it
    that end no record. Never raises: a line of neither format is a rejected record. Parts of a
    stream's line are joined, and so are the lines of a stack trace; a part whose end is missing is
    a record, marked truncated. is_continued: open records are left to the file that goes on.
    """
    assembler = Assembler(path)
    for source in (before, lines):
        for place, line in source:
            yield from assembler.feed(place, line)
    if not is_continued:
        yield from assembler.rest()


def unfinished_lines(path: str, lines: Iterable[tuple[Any, bytes]]) -> list[tuple[Any, bytes]]:
    """The lines of those records that are open when a file ends, in file order."""
    assembler = Assembler(path)
    order = {}
    for number, (place, line) in enumerate(lines):
        assembler.feed(place, line)
        order[place] = number
    pairs = [pair for held in assembler.open.values() for pair in held.line_places()]
    return sorted(pairs, key=lambda pair: order[pair[0]])


def resumed_from(path: str, end: int, torn_end: int) -> int:
    """Where to go on reading a log that was read up to `end`: there, or at the start of the record
    that the next lines belong to. Raises OSError.

    torn_end: `end`, or where that reading ended within the line behind it. A record that took the
    torn line for its own is read again too.
    """
    assembler = _assembled_until(path, end)
    waiting = set(assembler.open)
    start = position = end
    with open(path, "rb") as file:
        file.seek(end)
        while waiting and position < end + _LONGEST_RECORD_BYTES:
            line = file.readline(_LONGEST_RECORD_BYTES)
            if not line:
                break
            assembler.feed(position, line.rstrip(b"\r\n"))
            position += len(line)
            for stream in list(waiting):
                held = assembler.open[stream]
                if held.start >= end:
                    waiting.discard(stream)
                elif held.waiting is None and held.line_places()[-1][0] >= end:
                    waiting.discard(stream)
                    start = min(start, held.start)
    for stream in waiting:  # a part that has more parts, but no end
        held = assembler.open[stream]
        if held.places[-1] >= end:
            start = min(start, held.place)
    if torn_end > end:
        for held in _assembled_until(path, torn_end).open.values():
            if held.line_places()[-1][0] >= end:
                start = min(start, held.start)
    return _whole_cut(assembler, start)


def unfinished_start(path: str, end: int) -> int:
    """The place before `end` up to which all records are whole, and none is cut there; `end` if
    its streams can go on with none of them. Raises OSError."""
    assembler = _assembled_until(path, end)
    start = min((held.start for held in assembler.open.values()), default=end)
    return _whole_cut(assembler, start)


def _whole_cut(assembler: Assembler, position: int) -> int:
    """The last place up to `position` that no record has lines on both sides of: the streams of a
    log interleave."""
    cut = position
    units = [held.line_places() for held in assembler.open.values()]
    records = [(unit[0][0], unit[-1][0]) for unit in units] + assembler.ended
    for first, last in sorted(records, key=lambda places: places[1], reverse=True):
        if first < cut <= last:
            cut = first
    return cut


def _assembled_until(path: str, end: int) -> Assembler:
    """An assembler that has read the lines before `end`, as far back as a record may reach."""
    start = max(0, end - _LONGEST_RECORD_BYTES)
    assembler = Assembler(path)
    with open(path, "rb") as file:
        file.seek(start)
        lines = file.read(end - start).splitlines(keepends=True)
    for number, line in enumerate(lines):
        if number or not start:  # the first one of a window may be torn
            assembler.feed(start, line.rstrip(b"\r\n"))
        start += len(line)
    return assembler


def _application_log(held: _Open, path_resource: Attributes) -> Record:
    raw = held.lines[0] if len(held.lines) == 1 else b"\n".join(held.lines)
    try:
        nanoseconds = usable_time(rfc3339_nanoseconds(held.time))
    except Unusable as error:
        return rejected_record(error.reason, raw, error.detail)
    if nanoseconds is None:
        return rejected_record("no_time", raw, f"not a time: {held.time[:80]!r}")
    text = held.text()
    fields = json_fields(text)
    resource = path_resource
    if not resource and held.kubernetes:
        named = LogFields({"kubernetes": held.kubernetes})
        resource = sorted_attributes(named.texts(*RESOURCE_MEANINGS))
    return log_record(
        time_unix_nano=nanoseconds,
        observed_time_unix_nano=None,
        event_name=None,
        body=text,
        stream=held.stream,
        is_truncated=held.is_part,
        resource_attributes=resource,
        raw_text=raw,
        **told_by(text, fields),
    )
