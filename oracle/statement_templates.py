"""Do the templates of errors tell log statements apart (docs/contract.md R10)?

Some logs name the statement that wrote them, as `logger#line`. That is a truth to hold the
templates against: all records of one statement should have one template, and two statements two.

`python -m oracle templates` runs this on a lake. Exit codes: 0 told apart, 1 not,
2 nothing to look at.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from oracle.lake_reading import Lake, LakeError
from oracle.messages import Message

SHOWN_TEXTS = 3

_STATEMENT = re.compile(
    r"\s*\S*\s*(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(?P<logger>\S+?)#(?P<line>\d+)\s+(?P<text>.*)",
    re.DOTALL,
)
_EXCEPTION = re.compile(r"\b(?:[a-z_][\w]*\.)+[A-Z]\w*(?:Exception|Error)\b(?:\$\w+)*")
_IDS = re.compile(r"(?:TraceID|SpanID): \S*\s*")


class Statement(NamedTuple):
    """A log statement: the code that wrote a record."""

    service: str
    logger: str
    line: int


# a service and a template of it
Template = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TemplateTruth:
    """What statements and templates have to do with each other."""

    statements: frozenset[Hashable] = frozenset()
    split: Mapping[Hashable, frozenset[Hashable]] = field(default_factory=dict)
    shared: Mapping[Hashable, frozenset[Hashable]] = field(default_factory=dict)


def truth_of(pairs: Iterable[tuple[Hashable, Hashable]]) -> TemplateTruth:
    """Look at (statement, template) pairs, as many of each as there are.

    Returns all statements, `split`: those with more than one template, with these, and `shared`:
    the templates of more than one statement, with these.
    """
    templates: dict[Hashable, set[Hashable]] = defaultdict(set)
    statements: dict[Hashable, set[Hashable]] = defaultdict(set)
    for statement, template in pairs:
        templates[statement].add(template)
        statements[template].add(statement)
    return TemplateTruth(
        frozenset(templates),
        {s: frozenset(found) for s, found in templates.items() if len(found) > 1},
        {t: frozenset(found) for t, found in statements.items() if len(found) > 1},
    )


def statement_of(service: str, body: str | None) -> tuple[Statement, str] | None:
    """The statement that a record's text names, and what it said; None if it names none."""
    match = _STATEMENT.match(body or "")
    if not match:
        return None
    said = _IDS.sub("", match["text"]).split("\n", 1)[0].strip()
    return Statement(service, match["logger"], int(match["line"])), said


@dataclass(slots=True)
class ToldApart:
    """The statements of a lake's error logs, against their templates.

    `alike` are templates whose statements no text can tell apart: each said something that another
    of them said too, in the same words. `passing` are statements with a template for each exception
    that they passed on, which is another error by R10. `split` and `mixed` are faults. `by_spans`
    are statements that no template here is made of: all their records tell of failures of spans.
    """

    statements: frozenset[Statement]
    split: Mapping[Statement, frozenset[Template]]
    passing: Mapping[Statement, frozenset[Template]]
    mixed: Mapping[Template, frozenset[Statement]]
    alike: Mapping[Template, frozenset[Statement]]
    texts: Mapping[Statement, frozenset[str]]
    by_spans: frozenset[Statement] = frozenset()

    @property
    def told_apart(self) -> int:
        """How many statements have one template for one error, which no other has without need."""
        faulty = set(self.split).union(*self.mixed.values())
        return len(self.statements - faulty)


def statements_of_lake(lake: Lake) -> ToldApart:
    """Join the error logs of a lake with the templates of their fingerprints.

    Templates belong to a service, as fingerprints do. A log record that tells of the same failure
    as a span goes by the span (R10): its template is not made of its text, so it is left out.
    """
    templates: dict[tuple[str, str], str] = {}
    versions: dict[tuple[str, str], int] = {}
    for version, environment, fingerprint, template, *_ in lake.rows("gold.error_patterns"):
        key = (environment, fingerprint)
        if version >= versions.get(key, version):
            versions[key], templates[key] = version, template
    of_spans = {
        failure_id
        for event_type, _, _, failure_id, *_ in lake.other_rows("gold.error_events")
        if event_type == "span"
    }
    told: set[tuple[Statement, str, Template]] = set()
    by_spans: set[Statement] = set()
    for event_type, environment, fingerprint, failure_id, service, body, _ in lake.other_rows(
        "gold.error_events"
    ):
        found = statement_of(service, body) if event_type == "log" else None
        if not found:
            continue
        statement, said = found
        template = templates.get((environment, fingerprint))
        if failure_id in of_spans:
            by_spans.add(statement)
        elif template is not None:
            told.add((statement, said, (service, template)))
    told_apart = told_apart_of(told)
    told_apart.by_spans = frozenset(by_spans - told_apart.statements)
    return told_apart


def told_apart_of(told: Collection[tuple[Statement, str, Template]]) -> ToldApart:
    """Judge statements by what they said, and which templates that has."""
    truth = truth_of((statement, template) for statement, _, template in told)
    passed = truth_of(((s, exceptions_of(said)), template) for s, said, template in told)
    texts: dict[Statement, set[str]] = defaultdict(set)
    for statement, said, _ in told:
        texts[statement].add(said)
    faulty = {statement for statement, _ in passed.split}
    mixed: dict[Any, frozenset[Any]] = {}
    alike: dict[Any, frozenset[Any]] = {}
    for template, statements in truth.shared.items():
        is_alike = all(
            any(texts[one] & texts[other] for other in statements if other != one)
            for one in statements
        )
        (alike if is_alike else mixed)[template] = statements
    return ToldApart(
        frozenset(truth.statements),
        {s: templates for s, templates in truth.split.items() if s in faulty},
        {s: templates for s, templates in truth.split.items() if s not in faulty},
        mixed,
        alike,
        {statement: frozenset(said) for statement, said in texts.items()},
    )


def exceptions_of(said: str) -> tuple[str, ...]:
    """The exceptions that a text names, by their full names, in its order."""
    return tuple(match[0] for match in _EXCEPTION.finditer(said))


def raw_statements(records: Iterable[tuple[str, frozenset[Message]]]) -> set[Statement]:
    """The statements that error logs of raw files name, from (service, messages)."""
    found = set()
    for service, messages in records:
        for message in messages:
            if statement := statement_of(service, message.text):
                found.add(statement[0])
    return found


# ---------------------------------------------------------------- command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = (
        "Tell whether the templates of error logs tell the statements apart that wrote them, for "
        "logs that name these as logger#line. Exit code 0: they do; 1: they do not; 2: no such log."
    )
    parser.add_argument(
        "--lake", type=Path, default=Path(os.environ.get("TRACEKEEP_LAKE") or ".lake"),
        help="folder of the lake (default: $TRACEKEEP_LAKE, else .lake)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    try:
        found = statements_of_lake(Lake(arguments.lake))
    except LakeError as error:
        print(f"templates: {error}", file=sys.stderr)
        return 2
    if not found.statements:
        print("templates: no error log names its statement", file=sys.stderr)
        return 2
    told = as_json(found)
    if arguments.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines_of(found)))
    return 0 if found.told_apart == len(found.statements) else 1


def lines_of(found: ToldApart) -> list[str]:
    """The result as lines of text."""
    lines = [f"{found.told_apart} of {len(found.statements)} log statements told apart by template"]
    for title, several in (
        ("several templates", found.split),
        ("a template for each exception passed on", found.passing),
    ):
        for statement, templates in sorted(several.items()):
            lines.append(f"{title}: {_name_of(statement)}")
            lines += [f"    {template}" for _, template in sorted(templates)]
    for title, shared in (
        ("one template for statements that said different things", found.mixed),
        ("one template for statements that said the same", found.alike),
    ):
        for (_, template), statements in sorted(shared.items()):
            lines.append(f"{title}: {template}")
            for statement in sorted(statements):
                some = sorted(found.texts[statement])[:SHOWN_TEXTS]
                lines += [f"    {_name_of(statement)}: {text}" for text in some]
    return lines


def _name_of(statement: Statement) -> str:
    return f"{statement.service} {statement.logger}#{statement.line}"


def as_json(found: ToldApart) -> dict[str, Any]:
    """The result as plain data."""
    return {
        "statements": len(found.statements),
        "told_apart": found.told_apart,
        **{
            name: [
                {"statement": _name_of(s), "templates": [t for _, t in sorted(templates)]}
                for s, templates in sorted(several.items())
            ]
            for name, several in (("split", found.split), ("passing", found.passing))
        },
        **{
            name: [
                {
                    "template": template,
                    "statements": {
                        _name_of(s): sorted(found.texts[s])[:SHOWN_TEXTS]
                        for s in sorted(statements)
                    },
                }
                for (_, template), statements in sorted(shared.items())
            ]
            for name, shared in (("mixed", found.mixed), ("alike", found.alike))
        },
    }
