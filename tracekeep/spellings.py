"""How ids and values are spelled in texts (R12): ids in the ways that readers take them, values as
they are or as JSON escapes them. `ids_in` reads ids; `Spellings` tells it to a search that cannot.

Patterns are of Python and Java alike. An id that spells few digits (leading zeros dropped) counts
only as a whole word, and one of less than `FEWEST_DIGITS` only where a field says that it is an id.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tracekeep.readers.values import SPAN_ID_DIGITS, TRACE_ID_DIGITS

SIZES = (TRACE_ID_DIGITS, SPAN_ID_DIGITS)
FEWEST_DIGITS = 8
"""Digits behind the leading zeros from which on an id is looked for in any text."""
FEWEST_DECIMALS = 16
"""The same of an id that is written as a decimal number."""

RUN = r"(?<![0-9a-f])[0-9a-f]{8,}(?![0-9a-f])"
"""A word of hex digits, in a text in lower case."""
HYPHENATED = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|1-[0-9a-f]{8}-[0-9a-f]{24}"
"""A trace id as UUID or as AWS X-Ray writes it, in a text in lower case."""
_CODED = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
    r"(?=((?:{c}){{{size}}}{last}(?:=|\\+u003[dD]){{0,2}})(?![A-Za-z0-9]))"
)
_CHARACTER = r"[A-Za-z0-9+/_-]|\\+/|\\+u002[bBfF]"
CODED = tuple(
    _CODED.format(c=_CHARACTER, size=size, last=last)
    for size, last in ((21, "[AQgw]"), (10, "[AEIMQUYcgkosw048]"))
)
"""Group 1 is a trace id or span id in base64: either alphabet, padded or not, JSON's escapes."""
CODE_ESCAPES = (
    (r"\\+u002[bB]", "+"),
    (r"\\+u002[fF]", "/"),
    (r"\\+u003[dD]|\\+(?!u)", ""),
)
"""Patterns and what becomes of them, in this order, in what `CODED` found."""
CODE_ALPHABETS = ("-_=", "+/")
"""Characters of it, and those of the standard alphabet without padding."""
FIELD = (
    r"\\*\"(?:(?:trace|span|parent|parentspan)id|dd\.(?:trace|span)_id)\\*\"[ \t\r\n]*:[ \t\r\n]*"
    r"(?:\\*\"[0-9a-f]{1,32}\\*\"|[0-9]{1,15}(?![0-9.e]))"
)
"""A field of JSON that holds an id of few digits, in a text in lower case: Jaeger's and Zipkin's
names, and Datadog's. Delta counts nulls in fields of other names."""
FIELD_LAYOUT = (
    (r"[\\ \t\r\n._-]", ""),
    (r"(?<=:\")0+(?=[0-9a-f])|(?<=:)0+(?=[0-9])", ""),
)
"""Patterns and what becomes of them in what `FIELD` found, so that it says: `"traceid":"1"`."""

_SPACE = r"[ \t\r\n]*"
END_OF_VALUE = r"(?=[ \t\r\n,\]}]|$)"
"""Where a value of JSON without quotation marks ends."""

_RUN, _HYPHENATED, _FIELD = map(re.compile, (RUN, HYPHENATED, FIELD))
_CODES = tuple(map(re.compile, CODED))
_ALPHABETS = str.maketrans(CODE_ALPHABETS[0][:2], CODE_ALPHABETS[1], CODE_ALPHABETS[0][2:])
_FIELDS = {
    TRACE_ID_DIGITS: ("traceid",),
    SPAN_ID_DIGITS: ("spanid", "parentid", "parentspanid"),
}
_WORD = re.compile(r"[0-9A-Za-z+/_=\\-]{8,}")
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


@dataclass(frozen=True)
class Spellings:
    """All that `ids_in` reads as one of some ids, for a search by equality. windows: 32 or 16 hex
    digits, anywhere in a `RUN`; words: whole `RUN`s; bare: `RUN`s without leading zeros, hex and
    decimal; coded: base64 without padding, standard alphabet; fields: as after `FIELD_LAYOUT`."""

    windows: frozenset[str]
    words: frozenset[str]
    bare: frozenset[str]
    coded: frozenset[str]
    fields: frozenset[str]

    def hints(self) -> Iterator[str]:
        """Patterns of RE2, which reads a text once for all of them: a text that spells one of the
        ids has what one of them matches, and hardly any other text has."""
        digits = self.windows | self.words | self.bare
        traces = [one for one in digits if len(one) == TRACE_ID_DIGITS]
        cuts = [(one[:8], one[8:12], one[12:16], one[16:20], one[20:]) for one in traces]
        hyphenated = [
            form for cut in cuts for form in ("-".join(cut), f"{cut[0]}-{''.join(cut[1:])}")
        ]
        yield from (f"(?i:{one})" for one in sorted({*digits, *hyphenated}))
        for code in sorted(self.coded):
            yield "".join(_HINTS_OF_CODE.get(character, character) for character in code)
        if self.fields:
            yield "(?i:(?:trace|span|parent)id|dd[.](?:trace|span)_id)"


_HINTS_OF_CODE = {"+": r"(?:[+-]|\\+u002[bB])", "/": r"(?:_|(?:\\+)?/|\\+u002[fF])"}
"""How a character of base64 may be spelled, as `CODED`, `CODE_ESCAPES` and `CODE_ALPHABETS` say."""


def spellings(ids: Iterable[str]) -> Spellings:
    """Of trace ids (32 hex digits) and span ids (16)."""
    windows, words, bare, coded, fields = (set[str]() for _ in range(5))
    for one in ids:
        digits, number = one.lstrip("0"), str(int(one, 16))
        padded = {one, one[-SPAN_ID_DIGITS:]} if len(digits) <= SPAN_ID_DIGITS else {one}
        names = _FIELDS[len(one)]
        if len(digits) >= FEWEST_DIGITS:
            windows |= padded
            bare |= {digits} - {one}
        else:
            words |= padded
            fields |= {f'"{name}":"{digits}"' for name in names}
        if len(number) >= FEWEST_DECIMALS:
            bare.add(number)
        else:
            fields |= {f'"{dd}{name}":{number}' for name in names for dd in ("", "dd")}
            fields |= {f'"dd{name}":"{number}"' for name in names}
        coded.add(base64.b64encode(bytes.fromhex(one)).decode().rstrip("="))
    return Spellings(*map(frozenset, (windows, words, bare, coded, fields)))


def ids_in(text: str, fields: bool = True) -> Iterator[str]:
    """The ids that a text may spell, as the tables hold them; some more than once. fields: also
    those that count only in a field."""
    words = "\n".join(set(_WORD.findall(text)))  # most texts repeat themselves
    lowered = words.lower()
    for run in set(_RUN.findall(lowered)):
        yield from _ids_of_run(run)
    for found in _HYPHENATED.findall(lowered):
        yield found.replace("-", "")[-TRACE_ID_DIGITS:]
    for pattern in _CODES:
        for found in pattern.findall(words):
            code = _replaced(found, CODE_ESCAPES).translate(_ALPHABETS)
            yield base64.b64decode(code + "==").hex()
    for found in _FIELD.findall(text.lower()) if fields else ():
        yield from _ids_of_field(_replaced(found, FIELD_LAYOUT))


def _ids_of_run(run: str) -> Iterator[str]:
    for size in SIZES:
        zeros = "0" * (size - FEWEST_DIGITS + 1)
        for start in range(len(run) - size + 1):
            one = run[start : start + size]
            if len(run) == size or not one.startswith(zeros):
                yield one
                if size == SPAN_ID_DIGITS:
                    yield one.zfill(TRACE_ID_DIGITS)
    bare = run.lstrip("0")
    if len(bare) >= FEWEST_DIGITS:
        yield from _padded(bare)
    if len(bare) >= FEWEST_DECIMALS and bare.isdecimal():
        yield from _padded(f"{int(bare):x}")


def _ids_of_field(field: str) -> Iterator[str]:
    name, _, value = field.partition(":")
    bare = value.strip('"')
    size = TRACE_ID_DIGITS if "trace" in name else SPAN_ID_DIGITS
    is_decimal = bare.isdecimal() and (value == bare or name.startswith('"dd'))
    if is_decimal and len(bare) < FEWEST_DECIMALS:
        yield f"{int(bare):0{size}x}"
    if value != bare and len(bare) < FEWEST_DIGITS and not name.startswith('"dd'):
        yield bare.zfill(size)


def _padded(digits: str) -> Iterator[str]:
    for size in SIZES:
        if len(digits) <= size:
            yield digits.zfill(size)


def _replaced(text: str, rules: Iterable[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text)
    return text


def value_pattern(value: str) -> str:
    """A pattern of a value as it is, or as JSON escapes it, also in JSON inside JSON."""
    return "".join(map(_character_pattern, value))


def _character_pattern(character: str) -> str:
    if character == "\\":
        return r"\\+"
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(
        r"\\+u" + "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in units[at : at + 4])
        for at in range(0, len(units), 4)
    )
    own = quoted(character)
    if character in '"/':
        own = rf"\\*{own}"
    elif character in _ESCAPES:
        own = rf"{own}|\\+{_ESCAPES[character]}"
    return f"(?:{own}|{escaped})"


def values_in(text: str, key: str) -> Iterator[str]:
    """What a text may say that an attribute's value is: in objects of JSON, also inside JSON."""
    pattern = re.compile(rf"{_name_pattern(key)}(?:\1(.*?)(?<!\\)\1|([^ \t\r\n,\]}}]+))", re.DOTALL)
    for _, value, bare in pattern.findall(text):
        yield from (bare,) if bare else _unescaped(value)


def attribute_pattern(key: str, value: str) -> str:
    """A pattern of an attribute with a value, where `values_in` reads it."""
    spelled = value_pattern(value)
    return rf"{_name_pattern(key)}(?:\1{spelled}\1|{spelled}{END_OF_VALUE})"


def attribute_parts(found: str, key: str) -> tuple[str, str, str] | None:
    """What `attribute_pattern` found as what stands before the value, the value, and the quotation
    mark after it, empty for none; None if it is another attribute."""
    name = re.match(_name_pattern(key), found)
    if name is None:
        return None
    before, value, mark = name[0], found[name.end() :], name[1]
    if not value.endswith(mark):
        return before, value, ""
    return before + mark, value.removeprefix(mark).removesuffix(mark), mark


def value_hint(value: str) -> str:
    """As `value_pattern`, for RE2."""
    return re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", value_pattern(value))


def _name_pattern(key: str) -> str:
    """A pattern of an attribute's name in JSON and what stands before its value; group 1 is the
    quotation mark, escaped inside JSON."""
    words = r"\1[0-9A-Za-z_]+\1"
    return (
        rf'(\\*")(?:{value_pattern(key)})\1{_SPACE}'
        rf"(?:,{_SPACE}\1type\1{_SPACE}:{_SPACE}{words}{_SPACE})?"
        rf"(?:,{_SPACE}\1value\1{_SPACE})?:{_SPACE}(?:\{{{_SPACE}{words}{_SPACE}:{_SPACE})?"
    )


def _unescaped(value: str) -> Iterator[str]:
    """A value as it is, and as it was before JSON escaped it, perhaps more than once."""
    yield value
    while "\\" in value:
        try:
            plain = json.loads(f'"{value}"', strict=False)
        except ValueError:
            return
        yield plain
        value = plain


def quoted(text: str) -> str:
    """A text as a pattern that matches just it."""
    return "".join(
        char if char.isalnum() or ord(char) > 127 else rf"\u{ord(char):04x}" for char in text
    )


def examples(one: str) -> dict[str, str]:
    """How an id may stand in a text, by the name of the spelling: what a search must find."""
    digits, number = one.lstrip("0"), int(one, 16)
    code = base64.b64encode(bytes.fromhex(one)).decode()
    name = "traceID" if len(one) == TRACE_ID_DIGITS else "spanID"
    texts = {
        "plain": f"of {one}",
        "upper": f"OF {one.upper()}",
        "base64": f"of {code}",
        "unpadded": f"of {code.rstrip('=')}",
        "url": f"/{code.replace('+', '-').replace('/', '_')}/",
        "escaped": '{"id":"' + code.replace("/", r"\/").replace("+", r"\u002b") + '"}',
        "unequal": '{"id":"' + code.replace("=", r"\u003d") + '"}',
    }
    if len(digits) >= FEWEST_DIGITS:
        texts["glued"] = f"trace{one}{one}x"
        texts["padded"] = f"of 00000{one}"
        texts["short"] = f"of {digits}."
    else:
        texts = {"field": f'{{"{name}" : "{digits.upper()}"}}', **texts}
        texts["field in a text"] = rf"{{\"{name}\":\"0{digits}\"}}"
        texts["number in a field"] = f'{{"{name}":{number}}}'
        texts["Datadog's field"] = f'{{"dd.{name[:-2]}_id":"{number}"}}'
    if len(str(number)) >= FEWEST_DECIMALS:
        texts["decimal"] = f"of {number},"
    if len(digits) <= SPAN_ID_DIGITS:
        texts["64 bits"] = f"of {digits.zfill(SPAN_ID_DIGITS)}"
    if len(one) == TRACE_ID_DIGITS:
        texts["uuid"] = f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}"
        texts["xray"] = f"Root=1-{one[:8]}-{one[8:]};"
    return texts
