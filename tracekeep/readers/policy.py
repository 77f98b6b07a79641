"""The policy of log texts as data: `log_patterns.toml`."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class StackTrace:
    """How the stack traces of one language go on: `inside` for lines of it, `last` for the end,
    `chained` for what may still follow the end."""

    inside: re.Pattern[str]
    last: re.Pattern[str] | None
    chained: re.Pattern[str] | None


@dataclass(frozen=True)
class Policy:
    """Compiled patterns. `start` and `frame` name the language in `lastgroup`."""

    fields: dict[str, list[str]]
    ids: dict[str, re.Pattern[str]]
    severity: re.Pattern[str]
    numeric_levels: dict[int, int]
    record_start: re.Pattern[str]
    part_nanoseconds: int
    start: re.Pattern[str]
    frame: re.Pattern[str]
    stack_traces: dict[str, StackTrace]


@cache
def policy() -> Policy:
    """The policy, read once a process."""
    patterns = tomllib.loads(
        Path(__file__).with_name("log_patterns.toml").read_text(encoding="utf-8")
    )
    stacks = patterns["stack_traces"]
    return Policy(
        fields=patterns["fields"],
        ids={label: re.compile(text) for label, text in patterns["ids"].items()},
        severity=re.compile(patterns["text"]["severity"]),
        numeric_levels={int(level): n for level, n in patterns["numeric_levels"].items()},
        record_start=re.compile(patterns["docker"]["record_start"]),
        part_nanoseconds=patterns["docker"]["part_seconds"] * 10**9,
        start=_any_of({name: stack["start"] for name, stack in stacks.items()}),
        frame=_any_of({name: stack["frame"] for name, stack in stacks.items()}),
        stack_traces={
            name: StackTrace(
                re.compile(stack["inside"]),
                re.compile(stack["last"]) if "last" in stack else None,
                re.compile(stack["chained"]) if "chained" in stack else None,
            )
            for name, stack in stacks.items()
        },
    )


def _any_of(patterns: dict[str, str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{text})" for name, text in patterns.items()))
