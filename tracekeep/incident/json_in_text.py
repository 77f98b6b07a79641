"""JSON anywhere in a text, also in strings of JSON: what it holds, and the text with some of it
replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_OPENING = re.compile(r"[{[]")
_DECODER = json.JSONDecoder()
MOST_FAILURES, MOST_DEPTH = 1000, 8
"""Brackets of a text that begin no JSON, before the rest is left out, and how deep strings of JSON
are read."""

UNREAD = "[not shown: too many brackets to look for secrets in JSON]"


@dataclass
class Pieces:
    """A text that holds JSON: what stands there as it came, and parsed values. Strings in these
    that hold JSON in turn are such pieces too. is_cut: the rest of the text, or of one in it, is
    left out, as `UNREAD` says."""

    pieces: list[Any]
    is_cut: bool = False

    def text(self) -> str:
        """The text that the pieces make."""
        return "".join(piece if isinstance(piece, str) else _json(piece) for piece in self.pieces)


def _json(value: Any) -> str:
    return json.dumps(value, default=Pieces.text, ensure_ascii=False, separators=(",", ":"))


def parsed(text: str, depth: int = 0) -> Pieces | None:
    """The JSON objects and arrays in a text; None if it has none."""
    pieces: list[Any] = []
    done = at = failures = 0
    while failures < MOST_FAILURES and (found := _OPENING.search(text, at)):
        try:
            value, end = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            failures += 1
            at = found.end()
            continue
        pieces += [text[done : found.start()], value]
        done = at = end
    is_cut = failures == MOST_FAILURES
    if not pieces and not is_cut:
        return None
    rest = text[done:at] + UNREAD if is_cut else text[done:]
    line = Pieces([*pieces, rest], is_cut)
    if depth < MOST_DEPTH:
        for holder, place, string in [*strings(line)]:
            inner = parsed(string, depth + 1)
            if inner:
                holder[place] = inner
                line.is_cut |= inner.is_cut
    return line


def _objects(line: Pieces | None) -> Iterator[dict[str, Any] | list[Any]]:
    """All objects and arrays of a text's JSON, outer ones first."""
    rest: list[Any] = [line]
    while rest:
        value = rest.pop()
        if isinstance(value, Pieces):
            rest.extend(piece for piece in value.pieces if not isinstance(piece, str))
        elif isinstance(value, dict | list):
            yield value
            rest.extend(value.values() if isinstance(value, dict) else value)


def attributes(line: Pieces | None) -> Iterator[tuple[dict[str, Any], str, str]]:
    """The attributes at any depth: an object, where in it the value is, and the name."""
    for value in _objects(line):
        if not isinstance(value, dict):
            continue
        if isinstance(value.get("key"), str) and "value" in value:
            yield value, "value", value["key"]
            continue
        for place, held in value.items():
            if held is not None:
                yield value, place, place


def strings(line: Pieces | None) -> Iterator[tuple[Any, Any, str]]:
    """All strings of a text's JSON that are no keys, and where they stand."""
    for value in _objects(line):
        for place, held in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(held, str):
                yield value, place, held


def rewritten(
    text: str, line: Pieces | None, masks: Mapping[str, str], changed: Mapping[str, str]
) -> str:
    """A text with the secret attributes and strings of its JSON masked, and without what could not
    be searched; as it is if there is nothing of this.

    masks: by name of the attribute; changed: by string. The line is changed.
    """
    secret = [(holder, place, name) for holder, place, name in attributes(line) if name in masks]
    unsafe = [(holder, place, held) for holder, place, held in strings(line) if held in changed]
    if line is None or not (secret or unsafe or line.is_cut):
        return text
    for holder, place, held in unsafe:
        holder[place] = changed[held]
    for holder, place, name in secret:
        holder[place] = masks[name]
    return line.text()
