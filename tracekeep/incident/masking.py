"""R13 for raw lines: the expression of the redaction macros, evaluated by Spark's library.

The one set of rules is `redaction_policy` in dbt_project.yml and the one expression that of
macros/redaction. They are rendered here without dbt, which would ask for the metastore.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import Environment

from tracekeep.incident.expressions import Evaluator, evaluator
from tracekeep.incident.json_in_text import Pieces, attributes, parsed, rewritten, strings
from tracekeep.lake import PROJECT, project_variables

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_VALUE = "value"
COLUMNS = "text string, names map<string, string>"
"""Columns of the table that the SQL of `redaction_sql` reads, beside `lowered` and `steps`."""
_MACROS = ("macros/redaction/*.sql", "macros/telemetry/clean_text.sql")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class MaskingError(RuntimeError):
    """Texts that could not be masked, and so must not be shown."""


class _Returned(Exception):
    """As dbt's `return` it ends a macro, and is no error."""

    def __init__(self, value: Any) -> None:
        self.value = value


def redaction_sql(variables: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The SQL that dbt renders for a table of `COLUMNS`, in pieces: `steps` reads a column
    `lowered`; `text` and `names` read those steps, `text` and `names`.

    variables: dbt's; those of dbt_project.yml if not given. Raises MaskingError if the policy is
    wrong.
    """
    macros = _macros(project_variables() if variables is None else variables)
    policy = macros["redaction_policy"]()
    return {
        "steps": macros["redaction_steps"]("lowered", policy).strip(),
        "text": macros["redacted"]("text", "steps", policy).strip(),
        "names": macros["redacted_attributes"]("names", "steps", policy).strip(),
    }


def masked(
    texts: Sequence[str | None], variables: Mapping[str, Any] | None = None
) -> list[str | None]:
    """Raw texts with all masked that Silver would mask, NUL as U+FFFD. None stays None.

    Of JSON in a text, also inside strings of JSON, each string is masked as it reads without
    escapes, and the value that an object gives a name, as `{"name": …}` or as `{"key": "name",
    "value": …}`, is masked whole if its name says that it is secret; such JSON is written anew.
    Then each text is masked as it stands. variables: dbt's; those of dbt_project.yml if not given.
    Raises MaskingError.
    """
    lines = {text: parsed(text) for text in texts if text}
    if not lines:
        return list(texts)
    try:
        sql = redaction_sql(variables)
        with evaluator() as spark:
            by_text = _masked_lines(spark, sql, lines)
    except Exception as error:
        raise MaskingError(f"raw lines could not be masked and are not shown: {error}") from error
    return [by_text[text] if text else text for text in texts]


def _masked_lines(
    spark: Evaluator, sql: Mapping[str, str], lines: Mapping[str, Pieces | None]
) -> dict[str, str]:
    """Each line's masked text."""
    names = sorted({name for line in lines.values() for _, _, name in attributes(line)})
    value = f"map_values({sql['names']})[0]"
    of_names = _run(spark, sql["steps"], value, [(name, {name: _VALUE}) for name in names])
    masks = {name: value for name, value in zip(names, of_names, strict=True) if value != _VALUE}
    found = sorted({string for line in lines.values() for _, _, string in strings(line)})
    of_strings = _run(spark, sql["steps"], sql["text"], [(string, {}) for string in found])
    changed = {a: b for a, b in zip(found, of_strings, strict=True) if a != b}
    safe = [rewritten(text, line, masks, changed) for text, line in lines.items()]
    of_lines = _run(spark, sql["steps"], sql["text"], [(text, {}) for text in safe])
    return dict(zip(lines, of_lines, strict=True))


def _run(
    spark: Evaluator, steps: str, result: str, rows: Sequence[tuple[str, dict[str, str]]]
) -> list[str]:
    """What an expression makes of texts and maps of attributes."""
    encoded = [
        (encodable(text), {encodable(name): value for name, value in named.items()})
        for text, named in rows
    ]
    return spark.strings(COLUMNS, encoded, steps_of(steps, result))


def steps_of(steps: str, result: str) -> Sequence[Sequence[str]]:
    """Selections, one after the other, from a table of `COLUMNS` to the result of an expression."""
    return (
        ("text", "names", "lower(text) as lowered"),
        ("text", "names", f"{steps} as steps"),
        (f"{result} as result",),
    )


def encodable(text: str) -> str:
    """A text without the half characters that escapes in JSON can make."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _macros(variables: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The macros by name, as functions, with dbt's `return`, `var` and compiler error."""
    environment = Environment(autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701 - SQL
    environment.globals.update(
        {"var": variables.__getitem__, "return": _return, "exceptions": _Exceptions}
    )
    paths = {path.stem: path for pattern in _MACROS for path in sorted(PROJECT.glob(pattern))}
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
