"""The level of a log record: what its fields or its text state, else what its stack trace tells."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from tracekeep.readers.log_fields import LogFields
from tracekeep.readers.policy import policy, stack_language
from tracekeep.readers.values import small_number, text_of

STATED, TEXT, INFERRED = "stated", "text", "inferred"
ERROR, FATAL = 17, 21
_RANKED = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_PREFIX = re.compile(r"(?:SEVERITY_NUMBER|SEVERITY|LOG_LEVEL|LOGLEVEL|LEVEL)[_.](?=[A-Z])")
_PAIR = re.compile(r'(?<![^\s,{\[(|])([\w.@-]+)=("(?:[^"\\]|\\.)*"?|[^\s"]*)')
_LEVEL_NAME = re.compile("level|lvl|severity|priority", re.IGNORECASE)
_MARKED = re.compile(r"[A-Z]{3}|[\[<]")
"""What each level has that stands near the start of a line; most lines have none."""
_NEAR_THE_START = 96
_OF_TIMES = "0123456789TZ:.,+-/ "
_MOST_LINES = 4
_MOST_DIGITS = 7
"""Of a level's code."""
_MOST_CHARACTERS = 2_000
"""Of a text; a level stands before that, if there is one."""


class Level(NamedTuple):
    """`number`: OpenTelemetry's, 1 to 24; `text`: the level as it came; `source`: stated (by a
    field), text or inferred (from a stack trace). All of them may be None."""

    number: int | None
    text: str | None
    source: str | None


def level_of(text: str, fields: LogFields | None) -> Level:
    """The level of an application's log, by its fields, else its text (or message), else by the
    stack trace that it begins with."""
    stated = Level(None, None, None) if fields is None else level_of_fields(fields)
    if stated.number is not None:
        return stated
    if fields is not None:
        message = fields.get("message")
        text = message if isinstance(message, str) else ""
    found = level_of_text(text)
    return Level(None, stated.text, None) if found is None else found


def level_of_fields(fields: LogFields) -> Level:
    """The first level that a field states; its text alone if no field has one that is known."""
    words = [value for _, value in fields.all("severity") if not isinstance(value, dict | list)]
    stated = fields.get("severity_number")
    if isinstance(stated, str):
        stated = small_number(stated)
    if type(stated) is int and 1 <= stated <= 24:
        return Level(stated, text_of(words[0]) if words else None, STATED)
    for word in words:
        number = number_of_word(word) if isinstance(word, str) else None
        if number is not None:
            return Level(number, word, STATED)
    for meaning, codes in policy().coded_levels.items():
        for _, value in fields.all(meaning) if fields.may_have(meaning) else ():
            number = codes.levels.get(_code(value))
            if number is not None:
                return Level(number, text_of(value), STATED)
    return Level(None, text_of(words[0]) if words else None, None)


def _code(value: Any) -> str:
    """A code as text; a number without the fraction that some encoders write."""
    if isinstance(value, Decimal) and abs(value.adjusted()) < _MOST_DIGITS and value == int(value):
        return str(int(value))
    return value if isinstance(value, str) else text_of(value)


@lru_cache(maxsize=4096)
def number_of_word(word: str) -> int | None:
    """OpenTelemetry's severity number of a level word in any case, as `ERROR2`, `[error]`,
    `SEVERITY_NUMBER_ERROR` or with blanks around it; None for any other word."""
    name = _PREFIX.sub("", word[:64].upper().strip(" \t[]<>():-"))
    known = policy().levels.get(name)
    if known is None and name[-1:] in ("1", "2", "3", "4") and name[:-1] in _RANKED:
        return policy().levels[name[:-1]] + int(name[-1]) - 1
    return known


def level_of_text(text: str) -> Level | None:
    """The level that the first line of a text states, or that its stack trace tells; None."""
    line, _, rest = text[:_MOST_CHARACTERS].lstrip("\r\n").partition("\n")
    if "\x1b" in line:
        line = policy().escapes.sub("", line)
    language = stack_language(line)
    if language in (None, "php"):  # which writes a level
        found = _logfmt_level(line) or _written_level(line)
        if found is not None or not _has_frames(rest):
            return found
    return Level(FATAL if policy().fatal.match(line) else ERROR, None, INFERRED)


def _has_frames(rest: str) -> bool:
    """Whether a stack trace stands behind the first line of a text."""
    lines = rest.split("\n", _MOST_LINES)[:_MOST_LINES]
    return any(policy().frame.match(line) or stack_language(line) for line in lines if line)


def _logfmt_level(line: str) -> Level | None:
    """The level of a line of logfmt: of a pair that stands before the message."""
    end = -1
    if "=" not in line or _LEVEL_NAME.search(line) is None:
        return None
    for pair in _PAIR.finditer(line):
        name, value = pair[1].lower(), pair[2]
        is_quoted = value.startswith('"')
        if name in policy().fields["severity"] and _may_precede(line[max(0, end) : pair.start()]):
            number = number_of_word(value.strip('"'))
            if number is not None:
                return Level(number, value.strip('"'), TEXT)
        elif name in policy().fields["message"] and not is_quoted:
            return None
        end = pair.end()
    return None


def _may_precede(text: str) -> bool:
    """Whether a pair may stand behind a text: nothing, a time or the like, but no prose."""
    last = text.split()[-1:]
    return not last or not last[0].isalpha()


def _written_level(line: str) -> Level | None:
    # Most lines: a date and time, and a level in capitals. No other form could match before it.
    match = policy().forms[-1].match(line)
    if (
        match is not None
        and match.lastgroup == "upper"
        and not line[: match.start("upper")].strip(_OF_TIMES)
    ):
        return Level(number_of_word(match["upper"]), match["upper"], TEXT)
    certain, near_the_start = policy().forms
    forms = [policy().embedded, certain] if '{"' in line else [certain]
    if _MARKED.search(line, 0, _NEAR_THE_START):
        forms.append(near_the_start)
    for form in forms:
        match = form.match(line)
        if match is None or match.lastgroup is None:
            continue
        word = match[match.lastgroup]
        before = line[: match.start(match.lastgroup)]
        if before[-1:] == " " and before[:-1].rpartition(" ")[2].lower() in policy().mention:
            continue
        if match.lastgroup == "facility":
            number = policy().coded_levels["level code syslog"].levels[str(int(word) % 8)]
        elif match.lastgroup == "mark":
            number = policy().marks[word]
        else:
            number = number_of_word(word)
        if number is not None:
            return Level(number, word, TEXT)
    return None
