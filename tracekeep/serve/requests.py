"""What a request asks, and what is wrong with it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


class WrongRequestError(ValueError):
    """Parameters that make no question; the message says why."""


class ErasedError(Exception):
    """The trace was erased; the message says when (R12)."""


def parsed(parse: Callable[[str], Any], text: str) -> Any:
    """A text, read as an argument of a command is. Raises WrongRequestError."""
    try:
        return parse(text)
    except argparse.ArgumentTypeError as error:
        raise WrongRequestError(str(error)) from error
