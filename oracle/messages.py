"""What an error event says: its text, type, message and stack (docs/contract.md R2).

A reading of a large set holds all error events at once, so long texts are held as their head,
their length and a digest: equal if and only if the texts are, and short enough to be shown. Texts
that may hold a secret stay whole: Silver masks it (R13), and what is left has to be the same.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import NamedTuple

SHORT_CHARACTERS = 160
HEAD_CHARACTERS = 80

# NUL, and surrogates: bytes that are no UTF-8, and halves of pairs that JSON escapes may leave
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


_KINDS = "basic|bearer|card|cookie|email|jwt|key|password|private_key|secret|token"
_MASK = re.compile(rf"\[(?:{_KINDS})\]")
_MAY_BE_SECRET = re.compile(
    r"(?i)@|%40|eyJ|bearer|basic|passw|passphrase|pwd|secret|credential|token|key|cookie|session"
    r"|auth|sig|-----BEGIN|\d{3}[ .-]?\d{4}|AKIA|ASIA|AIza|gh[a-z]_|xox|sk[-_]|npm_|identified by"
)


def is_masked(told: str | None, stated: str | None) -> bool:
    """Whether a row of the lake tells a text with nothing changed but what is masked."""
    if told == stated:
        return True
    if told is None or stated is None or not _MASK.search(told):
        return False
    around = map(re.escape, _MASK.split(told))
    return re.fullmatch("(?s:.{1,4096}?)".join(around), stated) is not None


def silver_text(text: str) -> str:
    """A text as Silver holds it: what is no text becomes U+FFFD."""
    return _NO_TEXT.sub("\ufffd", text)


def short_form(text: str | None) -> str | None:
    """A short form of a text, equal for equal texts alone; None stays None."""
    if text is None:
        return None
    clean = silver_text(text)
    if len(clean) <= SHORT_CHARACTERS or _MAY_BE_SECRET.search(clean) or _MASK.search(clean):
        return clean
    digest = blake2b(clean.encode(), digest_size=16).hexdigest()
    return f"{clean[:HEAD_CHARACTERS]}… ({len(clean)} characters, {digest})"


def short_json(text: str | None) -> str | None:
    """The short form of a JSON text, the same for any order of keys and writing of numbers.

    None if the text is no JSON.
    """
    if text is None:
        return None
    try:
        value = json.loads(text, parse_float=_number)
    except (ValueError, RecursionError):
        return None
    return short_form(json.dumps(value, sort_keys=True, ensure_ascii=False))


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


class Failure(NamedTuple):
    """What one version of an error span says, in short form; None where it is silent."""

    error_type: str | None
    error_message: str | None
    error_stack: str | None

    def is_told_by(self, told: Failure) -> bool:
        """Whether an error of the lake is this one, secrets masked."""
        return all(is_masked(row, stated) for row, stated in zip(told, self, strict=True))


class Message(NamedTuple):
    """What an error log record says; texts in their short form.

    In the raw files, `text` is None if the body is no string: then `json_text` is its JSON; type,
    message and stack are those that the record's own attributes state, None where they do not.
    A row of the lake has a `text`, and a `json_text` too if that is JSON.
    """

    text: str | None
    json_text: str | None
    failure: Failure

    def is_told_by(self, told: Message) -> bool:
        """Whether a row of the lake says all that this record does."""
        says_text = (
            is_masked(told.json_text, self.json_text)
            if self.text is None
            else is_masked(told.text, self.text)
        )
        pairs = zip(self.failure, told.failure, strict=True)
        return says_text and all(stated is None or is_masked(row, stated) for stated, row in pairs)
