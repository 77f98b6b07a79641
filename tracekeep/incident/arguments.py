"""Types of arguments that the commands share; each raises ArgumentTypeError."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime

YEARS = range(1970, 2262)
"""What nanoseconds in 64 bits hold in full."""


def time_of(text: str) -> datetime:
    """A time in ISO 8601; UTC if it names no zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write it as 2026-01-12T10:15 or 2026-01-12"
        ) from error
    if time.year not in YEARS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is a time that no record has: {YEARS.start} to {YEARS.stop - 1}"
        )
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def name_of(text: str) -> str:
    """A name that a table can hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no text in UTF-8") from error
    return text


def trace_id_of(text: str) -> str:
    """A trace id of up to 32 hex digits, padded."""
    if not re.fullmatch("[0-9a-fA-F]{1,32}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no trace id: it has up to 32 hex digits")
    return text.lower().zfill(32)


def count_to(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`."""

    def count(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {most}")
        return int(text)

    return count
