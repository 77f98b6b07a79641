"""R13 for raw lines: the expression of the redaction macros, run by Spark.

The one set of rules is `redaction_policy` in dbt_project.yml and the one expression that of
macros/redaction. They are rendered here without dbt, which would ask for the metastore.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment

from tracekeep.lake import PROJECT

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_VALUE = "value"
_MACROS = ("macros/redaction/*.sql", "macros/telemetry/clean_text.sql")
_OPENING = re.compile(r"[{[]")
_DECODER = json.JSONDecoder()
MOST_TRIES, MOST_DEPTH = 50, 8
"""Brackets of a text at which JSON is looked for, and how deep in strings of JSON."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class MaskingError(RuntimeError):
    """Texts that could not be masked, and so must not be shown."""


class _Returned(Exception):
    """As dbt's `return` it ends a macro, and is no error."""

    def __init__(self, value: Any) -> None:
        self.value = value


def redaction_sql() -> dict[str, str]:
    """The SQL that dbt renders for a table of `texts` (place int, text string, names
    map<string,string>), in pieces: `steps` reads a column `lowered`; `text` and `names` read those
    steps, `text` and `names`.

    Raises MaskingError if the policy is wrong.
    """
    macros = _macros(PROJECT)
    return {
        "steps": macros["redaction_steps"]("lowered").strip(),
        "text": macros["redacted"]("text", "steps").strip(),
        "names": macros["redacted_attributes"]("names", "steps").strip(),
    }


def masked(texts: Sequence[str | None]) -> list[str | None]:
    """Raw texts with all masked that Silver would mask, NUL as U+FFFD. None stays None.

    Of JSON in a text, also inside strings of JSON, each string is masked as it reads without
    escapes, and the value that an object gives a name, as `{"name": …}` or as `{"key": "name",
    "value": …}`, is masked whole if its name says that it is secret; such JSON is written anew.
    Then each text is masked as it stands. Opens the Spark session of this process, without the
    metastore. Raises MaskingError.
    """
    lines = {text: _parsed(text) for text in texts if text}
    if not lines:
        return list(texts)
    names = sorted({name for line in lines.values() for _, _, name in _attributes(line)})
    strings = sorted({string for line in lines.values() for _, _, string in _strings(line)})
    try:
        of_names = _run([(name, {name: _VALUE}) for name in names], "names")
        masks = {
            name: value
            for name, attributes in zip(names, of_names, strict=True)
            for value in attributes.values()
            if value != _VALUE
        }
        of_strings = _run([(string, {}) for string in strings], "text")
        changed = {a: b for a, b in zip(strings, of_strings, strict=True) if a != b}
        safe = [_rewritten(text, line, masks, changed) for text, line in lines.items()]
        by_text = dict(zip(lines, _run([(text, {}) for text in safe], "text"), strict=True))
    except Exception as error:
        raise MaskingError(f"raw lines could not be masked and are not shown: {error}") from error
    return [by_text[text] if text else text for text in texts]


def _run(rows: Sequence[tuple[str, dict[str, str]]], result: str) -> list[Any]:
    """What the macros make of texts and maps of attributes, in their order."""
    from tracekeep.session import spark_session

    if not rows:
        return []
    sql = redaction_sql()
    places = [
        (place, _encodable(text), {_encodable(name): value for name, value in attributes.items()})
        for place, (text, attributes) in enumerate(rows)
    ]
    frame = spark_session().createDataFrame(
        places, "place int, text string, names map<string, string>"
    )
    frame = frame.selectExpr("*", "lower(text) as lowered").selectExpr(
        "place", "text", "names", f"{sql['steps']} as steps"
    )
    found = frame.selectExpr("place", f"{sql[result]} as result").collect()
    return [row.result for row in sorted(found, key=lambda row: row.place)]


def _encodable(text: str) -> str:
    """A text without the half characters that escapes in JSON can make."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass
class _Pieces:
    """A text that holds JSON: what stands there as it came, and parsed values. Strings in these
    that hold JSON in turn are such pieces too."""

    pieces: list[Any]

    def text(self) -> str:
        """The text that the pieces make."""
        return "".join(piece if isinstance(piece, str) else _json(piece) for piece in self.pieces)


def _json(value: Any) -> str:
    return json.dumps(value, default=_Pieces.text, ensure_ascii=False, separators=(",", ":"))


def _parsed(text: str, depth: int = 0) -> _Pieces | None:
    """The JSON objects and arrays in a text; None if it has none."""
    pieces: list[Any] = []
    done = at = tries = 0
    while tries < MOST_TRIES and (found := _OPENING.search(text, at)):
        tries += 1
        try:
            value, end = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            at = found.end()
            continue
        pieces += [text[done : found.start()], value]
        done = at = end
    if not pieces:
        return None
    parsed = _Pieces([*pieces, text[done:]])
    if depth < MOST_DEPTH:
        for holder, place, string in [*_strings(parsed)]:
            inner = _parsed(string, depth + 1)
            if inner:
                holder[place] = inner
    return parsed


def _objects(line: _Pieces | None) -> Iterator[dict[str, Any] | list[Any]]:
    """All objects and arrays of a text's JSON, outer ones first."""
    rest: list[Any] = [line]
    while rest:
        value = rest.pop()
        if isinstance(value, _Pieces):
            rest.extend(piece for piece in value.pieces if not isinstance(piece, str))
        elif isinstance(value, dict | list):
            yield value
            rest.extend(value.values() if isinstance(value, dict) else value)


def _attributes(line: _Pieces | None) -> Iterator[tuple[dict[str, Any], str, str]]:
    """The attributes at any depth: an object, where in it the value is, and the name."""
    for value in _objects(line):
        if not isinstance(value, dict):
            continue
        if isinstance(value.get("key"), str) and "value" in value:
            yield value, "value", value["key"]
            continue
        for place, held in value.items():
            if isinstance(held, str | int | float | _Pieces):
                yield value, place, place


def _strings(line: _Pieces | None) -> Iterator[tuple[Any, Any, str]]:
    """All strings of a text's JSON that are no keys, and where they stand."""
    for value in _objects(line):
        for place, held in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(held, str):
                yield value, place, held


def _rewritten(
    text: str, line: _Pieces | None, masks: Mapping[str, str], changed: Mapping[str, str]
) -> str:
    """A text with the secret attributes and strings of its JSON masked; as it is if it has none.

    masks: by name of the attribute; changed: by string. The line is changed.
    """
    secret = [(holder, place, name) for holder, place, name in _attributes(line) if name in masks]
    unsafe = [(holder, place, held) for holder, place, held in _strings(line) if held in changed]
    if line is None or not (secret or unsafe):
        return text
    for holder, place, held in unsafe:
        holder[place] = changed[held]
    for holder, place, name in secret:
        holder[place] = masks[name]
    return line.text()


def _macros(project: Path) -> dict[str, Callable[..., Any]]:
    """The macros by name, as functions, with dbt's `return`, `var` and compiler error."""
    variables = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    environment = Environment(autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701 - SQL
    environment.globals.update(
        {"var": variables.__getitem__, "return": _return, "exceptions": _Exceptions}
    )
    paths = {path.stem: path for pattern in _MACROS for path in sorted(project.glob(pattern))}
    macros: dict[str, Callable[..., Any]] = {}
    # A file's names are looked up when it is rendered, so each stands for its macro before that.
    environment.globals.update({name: _late(name, macros) for name in paths})
    for name, path in paths.items():
        module = environment.from_string(path.read_text(encoding="utf-8")).make_module()
        macros[name] = getattr(module, name)
    return {name: _late(name, macros) for name in paths}


def _late(name: str, macros: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return macros[name](*arguments, **named)
        except _Returned as returned:
            return returned.value

    return call


def _return(value: Any) -> None:
    raise _Returned(value)


class _Exceptions:
    @staticmethod
    def raise_compiler_error(message: str) -> None:
        raise MaskingError(message)


def harmless(text: str) -> str:
    """A text that a terminal shows on one line and does not obey: control characters, line ends
    among them, and those that turn the direction of writing are spelt out."""
    return _CONTROLS.sub(lambda found: _spelt(found.group()), text)


def _spelt(character: str) -> str:
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
