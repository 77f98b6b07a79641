"""The answer about an incident as one self-contained page, which loads nothing.

The answer stands in it as JSON, and the page's script shows it as text nodes only, so that log text
can do nothing. The policy in its head allows this one script and this one style, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from pathlib import Path
from string import Template
from typing import Any

from tracekeep.incident.delta_lake import Row

LONGEST_TEXT = 20_000
"""Characters of a text in the page; longer ones say how many are missing."""

_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def page(answer: Row) -> str:
    """The page of an answer whose raw lines are masked. The same answer gives the same text."""
    css, script = style(), _text("page.js")
    policy = (
        f"default-src 'none'; script-src '{source_hash(script)}'; style-src '{source_hash(css)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_text("page.html")).substitute(
        policy=policy, style=css, script=script, answer=embedded(_cut(answer))
    )


def style() -> str:
    """How Tracekeep's pages look, light and dark, as CSS."""
    return _text("page.css")


def source_hash(text: str) -> str:
    """What a Content-Security-Policy names one script or style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def embedded(value: Any) -> str:
    """JSON that can stand inside of a script element: in ASCII, without `<`, `>` and `&`."""
    from tracekeep.incident import as_json

    text = json.dumps(value, default=as_json, separators=(",", ":"))
    for character, escape in _ESCAPED.items():
        text = text.replace(character, escape)
    return text


def _cut(value: Any) -> Any:
    """The same with long texts cut, and without numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _cut(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(held) for held in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"{value[:LONGEST_TEXT]} … {len(value) - LONGEST_TEXT:,} more characters"
    return value
