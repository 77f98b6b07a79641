"""What the reading of a sample and the lake are compared by: rows, and rejected records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from oracle import fields

NS_PER_US = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One record of any format. Times are ns since 1970 UTC; None where the record is silent.

    `start_ns` is a span's start (its end, if that stands alone), else the record's time. `name` is
    a span's name or a change's type, `record_id` a change's id, `text` what a log record says.
    `attributes` are those of a span, but what other columns say.
    """

    record: str
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    record_id: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    status: str | None = None
    service: str | None = None
    name: str | None = None
    kind: str | None = None
    text: str | None = None
    severity: int = 0
    events: int = 0
    links: int = 0
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def duration_ns(self) -> int | None:
        """End minus start in ns, None without an end."""
        if self.end_ns is None or self.start_ns is None:
            return None
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class Reject:
    """A record or document that is no row, and why."""

    reason: str


Outcome = Row | Reject


@dataclass
class FileReading:
    """What one file holds. `rejects` counts them by reason."""

    format: str = ""
    rows: list[Row] = field(default_factory=list)
    rejects: Counter[str] = field(default_factory=Counter)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Add records that were read."""
        for outcome in outcomes:
            if isinstance(outcome, Row):
                self.rows.append(outcome)
            else:
                self.rejects[outcome.reason] += 1


def dated(row: Row) -> Outcome:
    """The row if its times are usable, else why they are not.

    An end before 2000 says as little as a missing one: the latency is 0 either way.
    """
    start_ns = row.start_ns or row.end_ns
    if not start_ns:
        return Reject("no_time")
    if fields.is_absurd(start_ns) or fields.is_absurd(max(start_ns, row.end_ns or 0)):
        return Reject("absurd_time")
    if row.end_ns is not None and fields.is_absurd(row.end_ns):
        return replace(row, end_ns=None)
    return row


def objects_of(value: Any) -> Iterator[dict[str, Any] | Reject]:
    """The objects of a JSON array; anything else in its place is a rejected record."""
    if value is None:
        return
    if not isinstance(value, list):
        yield Reject("wrong_type")
        return
    for item in value:
        yield item if isinstance(item, dict) else Reject("wrong_type")


def object_at(holder: dict[str, Any], key: str) -> dict[str, Any]:
    """The object at a key, an empty one if there is none."""
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def text_at(holder: dict[str, Any], key: str) -> str | None:
    """The text at a key; None for an empty one, or if there is no text."""
    value = holder.get(key)
    return value if isinstance(value, str) and value else None


def text_of(value: Any) -> str | None:
    """A plain JSON value as text: a string as it is, anything else as JSON; None stays None."""
    return fields.text_of(float_free(value))


def float_free(value: Any) -> Any:
    """A JSON value whose exact decimals are floats: what the json module can write."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [float_free(item) for item in value]
    if isinstance(value, dict):
        return {key: float_free(item) for key, item in value.items()}
    return value


def padded_id(value: object, size: int) -> str | None:
    """An id in a format that drops leading zeros: up to 2·size hex digits; None if it is none."""
    if not isinstance(value, str) or not 0 < len(value) <= 2 * size:
        return None
    if not all(digit in "0123456789abcdefABCDEF" for digit in value):
        return None
    return fields.normal_id(value.rjust(2 * size, "0"), size)


def decimal_of(value: object) -> Decimal | None:
    """A JSON number, or a text that is one, exactly; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    # a number of a billion digits is as absurd as this one, and takes longer
    return min(max(number, -_ABSURD), _ABSURD)


_ABSURD = Decimal(10) ** 24


def nanoseconds_of_micros(value: object) -> int | None:
    """Nanoseconds of a number of microseconds; None if it is no number."""
    number = decimal_of(value)
    return None if number is None else int(number * NS_PER_US)


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, or a text that is one."""
    number = decimal_of(value)
    return number is not None and number == number.to_integral_value()


def whole_nanoseconds(value: object) -> int | None:
    """A 64-bit number of nanoseconds, from a number or a text; None if it is none, or 0."""
    return int(decimal_of(value) or 0) or None if is_whole(value) else None
