"""The policy of log texts as data: `log_patterns.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_EXCEPTION_PARTS = ("type", "message", "stack")


@dataclass(frozen=True)
class StackTrace:
    """How the stack traces of one language go on: `second` for the line behind the first, `inside`
    for lines of it, `last` for the end, `chained` for what may still follow the end."""

    inside: re.Pattern[str]
    second: re.Pattern[str] | None
    last: re.Pattern[str] | None
    chained: re.Pattern[str] | None


@dataclass(frozen=True)
class CodedLevels:
    """Codes that a logger writes for its levels, as text; they count where all fields of `beside`
    are there."""

    beside: frozenset[str]
    levels: dict[str, int]


@dataclass(frozen=True)
class Policy:
    """Compiled patterns. `start` and `frame` name the language in `lastgroup`; `forms`, the certain
    ones and the others, name what they found in theirs. Fields of coded levels are meanings too."""

    fields: dict[str, list[str]]
    nested: frozenset[str]
    nested_meanings: frozenset[str]
    exceptions: dict[str, list[str]]
    ids: dict[str, re.Pattern[str]]
    trace_contexts: dict[str, re.Pattern[str]]
    levels: dict[str, int]
    coded_levels: dict[str, CodedLevels]
    forms: list[re.Pattern[str]]
    embedded: re.Pattern[str]
    marks: dict[str, int]
    mention: frozenset[str]
    escapes: re.Pattern[str]
    record_start: re.Pattern[str]
    part_nanoseconds: int
    start: re.Pattern[str]
    fatal: re.Pattern[str]
    continued: dict[str, re.Pattern[str]]
    frame: re.Pattern[str]
    stack_traces: dict[str, StackTrace]


@cache
def policy() -> Policy:
    """The policy, read once a process."""
    patterns = tomllib.loads(
        Path(__file__).with_name("log_patterns.toml").read_text(encoding="utf-8")
    )
    text, nested, exceptions = patterns["text"], patterns["nested"], patterns["exceptions"]
    stacks, codes = patterns["stack_traces"], patterns["coded_levels"]
    fatal = patterns["fatal"]["start"]
    exceptions_of = {f"exception.{part}": exceptions[part] for part in _EXCEPTION_PARTS}
    levels = {word: int(number) for number, words in patterns["levels"].items() for word in words}
    return Policy(
        fields=patterns["fields"]
        | {_code_meaning(name): each["fields"] for name, each in codes.items()}
        | exceptions_of
        | {"exception": exceptions["holders"]},
        nested=frozenset(nested["objects"]),
        nested_meanings=frozenset([*nested["meanings"], "exception", *exceptions_of]),
        exceptions={part: exceptions[f"inner_{part}"] for part in _EXCEPTION_PARTS},
        ids=_compiled(patterns["ids"]),
        trace_contexts=_compiled(patterns["trace_contexts"]),
        levels=levels,
        coded_levels={
            _code_meaning(name): CodedLevels(
                frozenset(each.get("beside", ())),
                {str(code): number for code, number in each["levels"].items()},
            )
            for name, each in codes.items()
        },
        forms=[
            re.compile(_with_words(form, text, levels))
            for form in ("|".join(text["forms"]), text["severity"])
        ],
        embedded=re.compile(text["embedded"]),
        marks=text["marks"],
        mention=frozenset(text["mention"]),
        escapes=re.compile(text["escapes"]),
        record_start=re.compile(patterns["docker"]["record_start"]),
        part_nanoseconds=patterns["docker"]["part_seconds"] * 10**9,
        start=_any_of({name: stack["start"] for name, stack in stacks.items()}),
        fatal=re.compile(fatal),
        continued=_compiled(patterns["continued"]),
        frame=_any_of({name: stack["frame"] for name, stack in stacks.items() if "frame" in stack}),
        stack_traces={
            name: StackTrace(
                re.compile(stack["inside"]),
                *(
                    re.compile(stack[key]) if key in stack else None
                    for key in ("second", "last", "chained")
                ),
            )
            for name, stack in stacks.items()
        },
    )


@lru_cache(maxsize=64)  # a line is asked for more than once, by each reader of it
def stack_language(line: str) -> str | None:
    """The language whose stack traces begin with such a line. Most lines begin with a date."""
    match = None if line[:1].isdigit() else policy().start.match(line)
    return match.lastgroup if match else None


def _code_meaning(name: str) -> str:
    return f"level code {name}"


def _compiled(patterns: dict[str, str]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(pattern) for name, pattern in patterns.items()}


def _any_of(patterns: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{text})" for name, text in patterns.items()))


def _with_words(form: str, text: dict[str, Any], levels: dict[str, int]) -> str:
    """A form with the vocabulary in the place of `<WORD>`, `<LETTER>` and `<TIME>`."""
    words = sorted((word for word in levels if len(word) > 2), key=len, reverse=True)
    clear = "|".join(word for word in words if word not in text["ambiguous"])
    filled = form.replace("<TIME>", text["time"]).replace("<LETTER>", text["letter"])
    return filled.replace("<WORD>", f"(?i:{clear})")
