"""What is wrong with a request, and ids in it."""

from __future__ import annotations

import re


class WrongRequestError(ValueError):
    """Parameters that make no question; the message says why."""


class ErasedError(Exception):
    """The trace was erased; the message says when (R12)."""


def trace_id_of(text: str) -> str:
    """A trace id of up to 32 hex digits, padded. Raises WrongRequestError."""
    if not re.fullmatch("[0-9a-fA-F]{1,32}", text):
        raise WrongRequestError("a trace id has up to 32 hex digits")
    return text.lower().zfill(32)
