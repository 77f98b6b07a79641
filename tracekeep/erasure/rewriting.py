"""SQL that takes what was erased out of a row (R12), made from the schema of its table.

A row of an erased trace, or of an erased record without a trace, stays as an anonymous one, so that
all counts stay: its ids become pseudonyms that nobody can work out again, its texts too, of its
attributes only those stay that say what failed and where. Other rows lose what they say of it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tracekeep.spellings import (
    CODE_ALPHABETS,
    CODE_ESCAPES,
    CODED,
    END_OF_VALUE,
    FIELD,
    FIELD_LAYOUT,
    HYPHENATED,
    RUN,
    SIZES,
    Spellings,
    attribute_parts,
    attribute_pattern,
    quoted,
    spellings,
    value_hint,
    value_pattern,
)
from tracekeep.sql import literal

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import ArrayType, DataType, StructType

KEPT = frozenset((
    "build_id", "change_id", "change_key", "change_kind", "change_source", "change_type",
    "container", "endpoint", "environment", "error_type", "event_name", "event_type",
    "fingerprint", "kind", "marks", "named_format", "namespace", "new_fingerprints", "phase",
    "pod", "randomness_source", "reason", "region", "sample_class", "sampling_threshold",
    "scope_name", "scope_version", "service", "service_path", "service_version", "services",
    "severity_source", "severity_text", "shape_hash", "silver_build_ids", "source_file",
    "source_format", "source_service", "span_region", "status_code", "stream",
    "suspected_root_cause", "table_name", "target_service", "target_type", "top_frame",
    "trace_id_prefix", "unreadable_attributes", "upstream_threshold",
))  # fmt: skip
"""Text columns that say what happened where, and not to whom: an anonymous row keeps them."""

_NULLED = ("raw_text", "trace_state")
_TEMPLATES = ("error_template", "statement")
_CALLER = "source_span_id"
_HASHES = ("failure_id", "randomness", "record_hash")
_KEPT_ATTRIBUTES = (
    "db.system", "db.system.name", "error.type", "exception.type",
    "http.response.status_code", "http.status_code", "messaging.system", "rpc.grpc.status_code",
    "rpc.response.status_code", "rpc.system",
)  # fmt: skip
_PEERS = (
    "net.peer.ip", "net.peer.name", "net.sock.peer.addr", "net.sock.peer.name",
    "network.peer.address", "peer.service", "server.address",
)  # fmt: skip
"""Names of a callee in a span of its caller; elsewhere they may be those of a person's device."""
_RECORD_UID = "log.record.uid"
_BLANKED_ATTRIBUTES = ("exception.message", "exception.stacktrace", _RECORD_UID)
_KEPT_RESOURCES = "^(?:cloud|container|deployment|host|k8s|service|telemetry)[.]"

_ANYWHERE, _WHOLE, _IN_FIELD, _AS_IT_IS, _ATTRIBUTE = "any", "all", "fld", "is ", "att"
"""How what was found goes: hex of any case, wherever it stands, as a whole word or with the name of
its field; a text as it is; of an attribute of JSON the value."""
_HINTS = 500
"""So many hints are one pattern of RE2: of 1,000 its states no longer fit its memory, and it takes
ten times as long."""
_MOST_HINTS = 50_000
"""With more of them Java's patterns, which compare with all ids at once, are as quick."""
SHORTEST_VALUE = 8
"""Characters from which on a subject's value is looked for anywhere in texts; else as attribute."""


@dataclass(frozen=True)
class Erased:
    """What is to be erased. key: the secret that makes pseudonyms, thrown away in the end; spans:
    the span ids of the traces that no other trace uses; records: `record_hash`es; subjects:
    attributes and their values."""

    key: str
    traces: frozenset[str]
    spans: frozenset[str]
    records: frozenset[str]
    subjects: frozenset[tuple[str, str]]

    @property
    def long_values(self) -> list[str]:
        """Values of subjects that are looked for in texts."""
        return sorted(value for _, value in self.subjects if len(value) >= SHORTEST_VALUE)

    @property
    def short_subjects(self) -> list[tuple[str, str]]:
        """Subjects that are looked for in texts as attributes of JSON alone."""
        return sorted(one for one in self.subjects if len(one[1]) < SHORTEST_VALUE)


@dataclass(frozen=True)
class ProjectSql:
    """SQL of the project's macros. redacted: of a text `value`, what Silver shows of it; endpoint:
    of a span's map `attributes` and text `operation`, its endpoint."""

    redacted: str
    endpoint: str


def is_in(expression: str, texts: frozenset[str]) -> str:
    """Predicate: the text is one of these; false for none, never null."""
    if not texts:
        return "false"
    listed = ", ".join(map(literal, sorted(texts)))
    return f"coalesce({expression} in ({listed}), false)"


class Rewriter:
    """The statements for one table.

    name: `layer.table`; schema: of the table; found: what `found_in` finds in `said_texts` of its
    rows and has to go from them.
    """

    def __init__(
        self, name: str, schema: StructType, erased: Erased, sql: ProjectSql,
        found: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.name = name
        self.schema = schema
        self.erased = erased
        self.sql = sql
        self.found = found

    # ---------------------------------------------------------------- which rows

    @cached_property
    def is_owned(self) -> str:
        """Predicate: the row is one of what is erased."""
        names = set(self.schema.names)
        if self.name == "bronze.rejected_records":
            return self._has_texts()
        terms = []
        if "trace_id" in names and self.erased.traces:
            terms.append(is_in("trace_id", self.erased.traces))
        if {"trace_id", "span_id"} <= names and self.erased.spans:
            terms.append(f"trace_id is null and {is_in('span_id', self.erased.spans)}")
        if "record_hash" in names and self.erased.records:
            terms.append(is_in("record_hash", self.erased.records))
        return f"({' or '.join(terms)})" if terms else "false"

    @property
    def is_of_subject(self) -> str:
        """Predicate: an attribute of the row names an erased subject."""
        from pyspark.sql.types import ArrayType, MapType, StructType

        terms = []
        for key, value in sorted(self.erased.subjects):
            names = f"[{literal(key)}] = {literal(value)}"
            for field in self.schema.fields:
                kind = field.dataType
                if isinstance(kind, MapType):
                    terms.append(f"coalesce({field.name}{names}, false)")
                elif isinstance(kind, ArrayType) and isinstance(kind.elementType, StructType):
                    terms += [
                        f"coalesce(exists({field.name}, one -> one.{part.name}{names}), false)"
                        for part in kind.elementType.fields
                        if isinstance(part.dataType, MapType)
                    ]
        return " or ".join(terms) or "false"

    @property
    def is_touched(self) -> str:
        """Predicate: the row says something of what is erased."""
        terms = [self.is_owned, self.is_of_subject]
        for field in self.schema.fields:
            terms += self._mentions(field.name, field.dataType, field.name)
        terms.append(self._has_texts())
        terms = [term for term in terms if term != "false"]
        return " or ".join(terms) or "false"

    def of(self, rows: DataFrame) -> Rewriter:
        """The rewriter that takes from texts what these rows of the table say of what is erased."""
        from pyspark.sql.functions import col

        if self.said_texts is None:
            return self
        said = rows.selectExpr(f"explode({self.said_texts}) as text")
        if len(self._hints) <= _MOST_HINTS:
            said = said.where(self._may_hold(col("text")))
        found = said.selectExpr(f"explode({self.found_in('text')}) as found").distinct()
        texts = frozenset(text for (text,) in found.collect())
        return Rewriter(self.name, self.schema, self.erased, self.sql, texts)

    def found_in(self, text: str) -> str:
        """Expression: what of a text has to go."""
        terms = list(self._ids_in(text))
        for value in self.erased.long_values:
            terms.append(_found(text, value_pattern(value), 0, "true", _AS_IT_IS))
        for key, value in self.erased.short_subjects:
            terms.append(_found(text, attribute_pattern(key, value), 0, "true", _ATTRIBUTE))
        return f"concat({', '.join(terms)})" if terms else "cast(array() as array<string>)"

    def _may_hold(self, text: Column) -> Column:
        """Predicate: `found_in` may find something. RE2 looks once for all, before Java's patterns
        look once for each spelling, which would take most of an erasure."""
        from pyspark.sql.functions import arrow_udf

        starts = range(0, len(self._hints), _HINTS)
        patterns = ["|".join(self._hints[at : at + _HINTS]) for at in starts]

        def holds(texts: pa.Array) -> pa.Array:
            matched = (pc.match_substring_regex(texts, pattern) for pattern in patterns)
            return reduce(pc.or_, matched, pa.array([False] * len(texts)))

        return arrow_udf(holds, "boolean")(text)

    @cached_property
    def _hints(self) -> list[str]:
        values = sorted(value for _, value in self.erased.subjects)
        return [*self._spellings.hints(), *map(value_hint, values)]

    def _ids_in(self, text: str) -> Iterator[str]:
        """Expressions: spellings of ids in a text, each kind as `spellings.ids_in` reads it."""
        spelled = self._spellings
        lowered = f"lower({text})"
        for size in SIZES:
            windows = frozenset(one for one in spelled.windows if len(one) == size)
            if windows:
                pattern = f"(?=([0-9a-f]{{{size}}}))"
                yield _found(lowered, pattern, 1, is_in("id", windows), _ANYWHERE)
        bare = "ltrim('0', id)"
        whole = f"{is_in('id', spelled.words)} or {is_in(bare, spelled.bare)}"
        if spelled.words or spelled.bare:
            yield _found(lowered, RUN, 0, whole, _WHOLE)
        if self.erased.traces:
            plain = f"right(replace(id, '-', ''), {SIZES[0]})"
            is_one = is_in(plain, self.erased.traces)
            yield _found(lowered, HYPHENATED, 0, is_one, _ANYWHERE)
        escaped, alphabets = _replaced("id", CODE_ESCAPES), ", ".join(map(literal, CODE_ALPHABETS))
        code = f"translate(if(contains(id, {literal(chr(92))}), {escaped}, id), {alphabets})"
        is_one = is_in(code, spelled.coded)
        for pattern in CODED if spelled.coded else ():
            yield _found(text, pattern, 1, is_one, _AS_IT_IS)
        if spelled.fields:
            is_one = is_in(_replaced("id", FIELD_LAYOUT), spelled.fields)
            yield _found(lowered, FIELD, 0, is_one, _IN_FIELD)

    @cached_property
    def _spellings(self) -> Spellings:
        return spellings(self.erased.traces | self.erased.spans)

    @cached_property
    def _replacements(self) -> list[tuple[str, str]]:
        """Patterns of what has to go from texts, the longest first, and what becomes of it."""
        keys = [key for key, _ in self.erased.short_subjects]
        patterns = defaultdict[str, list[str]](list)
        for found in sorted(self.found, key=lambda one: (-len(one), one)):
            pattern, replacement = _pattern_of(found, keys)
            patterns[replacement].append(pattern)
        return [("|".join(each), replacement) for replacement, each in sorted(patterns.items())]

    def _has_texts(self) -> str:
        """Predicate: a text of the row has what has to go from it."""
        if not self.found:
            return "false"
        has_it = " or ".join(f"text rlike {literal(each)}" for each, _ in self._replacements)
        return f"coalesce(exists({self.other_texts}, text -> {has_it}), false)"

    def _mentions(self, name: str, kind: DataType, expression: str) -> Iterator[str]:
        """Predicates: a column has an erased id where other rows may have one."""
        from pyspark.sql.types import ArrayType, StringType, StructType

        if isinstance(kind, StringType) and is_trace_id(name):
            yield is_in(expression, self.erased.traces)
            if name == "touched_key":
                yield is_in(expression, self.erased.records)
        elif name == _CALLER:
            yield is_in(expression, self.erased.spans)
        elif isinstance(kind, ArrayType):
            inner = " or ".join(self._mentions(name, kind.elementType, "one"))
            if inner:
                yield f"coalesce(exists({expression}, one -> {inner}), false)"
        elif isinstance(kind, StructType):
            for field in kind.fields:
                yield from self._mentions(field.name, field.dataType, f"{expression}.{field.name}")

    @property
    def other_span_ids(self) -> str | None:
        """Expression: the span ids in a row that are said of traces that are not erased; None if
        there are none in the table."""
        siblings = {name: name for name in self.schema.names}
        found = [
            ids
            for field in self.schema.fields
            for ids in self._other_span_ids(field.name, field.dataType, field.name, siblings)
        ]
        return f"array_compact(concat({', '.join(found)}))" if found else None

    def _other_span_ids(
        self, name: str, kind: DataType, expression: str, siblings: Mapping[str, str]
    ) -> Iterator[str]:
        from pyspark.sql.types import ArrayType, StringType, StructType

        if isinstance(kind, StringType) and name.endswith("span_id"):
            trace = _trace_of(name, siblings)
            if trace:
                is_erased = f"coalesce({is_in(trace, self.erased.traces)}, true)"
                is_other = f"{trace} is not null and not {is_erased}"
                yield f"array(case when {is_other} then {expression} end)"
        elif isinstance(kind, ArrayType):
            row = {"trace_id": siblings["trace_id"]} if "trace_id" in siblings else {}
            for ids in self._other_span_ids(name, kind.elementType, "one", row):
                yield f"coalesce(flatten(transform({expression}, one -> {ids})), array())"
        elif isinstance(kind, StructType):
            inner = siblings | {field: f"{expression}.{field}" for field in kind.names}
            for field in kind.fields:
                yield from self._other_span_ids(
                    field.name, field.dataType, inner[field.name], inner
                )

    @property
    def said_texts(self) -> str | None:
        """Expression: the texts of a row that stay, but for what is found in them: those of the
        attributes that an anonymous row keeps, all of another one."""
        siblings = {name: name for name in self.schema.names}
        kept = [
            text
            for field in self.schema.fields
            for text in self._kept_texts(field.name, field.dataType, field.name, siblings)
        ]
        if self.other_texts is None or self.is_owned == "false":
            return self.other_texts
        kept_texts = f"cast(array({', '.join(kept)}) as array<string>)"
        return f"if({self.is_owned}, {kept_texts}, {self.other_texts})"

    def _kept_texts(
        self, name: str, kind: DataType, expression: str, siblings: Mapping[str, str]
    ) -> Iterator[str]:
        from pyspark.sql.types import ArrayType, MapType, StructType

        if name in _TEMPLATES:
            yield expression
        elif isinstance(kind, MapType):
            kept = f"map_filter({expression}, (k, v) -> {self._is_kept(name, siblings)})"
            yield f"concat_ws('\\n', map_values({kept}))"
        elif isinstance(kind, ArrayType):
            for text in self._kept_texts(name, kind.elementType, "one", {}):
                yield f"concat_ws('\\n', transform({expression}, one -> {text}))"
        elif isinstance(kind, StructType):
            inner = {field: f"{expression}.{field}" for field in kind.names}
            for field in kind.fields:
                yield from self._kept_texts(field.name, field.dataType, inner[field.name], inner)

    @cached_property
    def other_texts(self) -> str | None:
        """Expression: the texts of a row, where others may tell of what is erased; None if it has
        no column that may hold any text."""
        texts = [
            text
            for field in self.schema.fields
            for text in _texts_of(field.name, field.dataType, field.name)
        ]
        return f"array({', '.join(texts)})" if texts else None

    # ---------------------------------------------------------------- what becomes of them

    @property
    def new_values(self) -> dict[str, str]:
        """Column -> expression, for the columns that may change."""
        siblings = {name: name for name in self.schema.names}
        values = {}
        for field in self.schema.fields:
            value = self._value(field.name, field.dataType, field.name, siblings, self.is_owned)
            value = self._special(field.name, value)
            if value != field.name:
                values[field.name] = value
        return values

    def _special(self, name: str, value: str) -> str:
        """What the columns become that another one is worked out from."""
        owned = self.is_owned
        if (self.name, name) == ("bronze.spans", "name"):
            parts = (
                f"struct(transform_values(attributes, (k, v) -> {self._redacted('v')}) as "
                f"attributes, {self._redacted('name')} as operation)"
            )
            endpoint = self.sql.endpoint
            return self._if(owned, f"transform(array({parts}), span -> {endpoint})[0]", value)
        if (self.name, name) == ("bronze.spans", "events"):
            exceptions = "filter(events, event -> event.name = 'exception')"
            kind = self.schema[name].dataType
            return self._if(owned, self._value(name, kind, exceptions, {}, "true"), value)
        if self.name == "silver.log_records" and name in ("error_type", "error_stack"):
            # Silver finds these in the text as well; what is left of that has none
            key = "exception.type" if name == "error_type" else "exception.stacktrace"
            blank = f"attributes['{key}']"
            blank = blank if name == "error_type" else self._blank(blank)
            return self._if(owned, blank, value)
        if name == "error_message" and "trace_ids" in self.schema.names:
            # the text of one of them, and nobody can tell which
            is_one_of_them = f"exists(trace_ids, one -> {is_in('one', self.erased.traces)})"
            return self._if(is_one_of_them, self._blank(name), value)
        if name == "trace_id_prefix":
            old, new = "trace_id", self._pseudonym("trace_id")
            size = "length(trace_id_prefix)"
            prefix = (
                f"case when trace_id_prefix = left({old}, {size}) then left({new}, {size}) "
                f"else right({new}, {size}) end"
            )
            return self._if(is_in(old, self.erased.traces), prefix, value)
        return value

    def _value(
        self, name: str, kind: DataType, expression: str, siblings: Mapping[str, str], owned: str
    ) -> str:
        """Expression for the new value of a column or of a part of one."""
        from pyspark.sql.types import ArrayType, MapType, StringType, StructType

        if isinstance(kind, StringType):
            return self._text(name, expression, siblings, owned)
        if isinstance(kind, MapType):
            return self._attributes(name, expression, siblings, owned)
        if isinstance(kind, ArrayType):
            return self._array(name, kind, expression, owned)
        if isinstance(kind, StructType):
            inner = {field: f"{expression}.{field}" for field in kind.names}
            if "trace_id" in inner:
                own = is_in(inner["trace_id"], self.erased.traces)
                owned = own if owned == "false" else f"({owned} or {own})"
            values = {
                field.name: self._value(field.name, field.dataType, inner[field.name], inner, owned)
                for field in kind.fields
            }
            if values == inner:
                return expression
            fields = ", ".join(f"'{field}', {value}" for field, value in values.items())
            return f"case when {expression} is not null then named_struct({fields}) end"
        return expression

    def _array(self, name: str, kind: ArrayType, expression: str, owned: str) -> str:
        one = f"one_{name}"
        value = self._value(name, kind.elementType, one, {}, owned)
        if value == one:
            return expression
        return f"transform({expression}, {one} -> {value})"

    def _text(self, name: str, expression: str, siblings: Mapping[str, str], owned: str) -> str:
        if is_trace_id(name):
            is_erased = is_in(expression, self.erased.traces)
            value = self._if(is_erased, self._pseudonym(expression), expression)
            if name == "touched_key":
                is_erased = is_in(expression, self.erased.records)
                value = self._if(is_erased, self._pseudonym(expression), value)
            return value
        if name.endswith("span_id"):
            trace = _trace_of(name, siblings)
            is_erased = is_in(trace, self.erased.traces) if trace else owned
            if trace == "trace_id":
                is_erased = owned
            if name == _CALLER and not trace:
                terms = [owned, is_in(expression, self.erased.spans)]
                is_erased = " or ".join(term for term in terms if term != "false") or "false"
            return self._if(is_erased, self._pseudonym(expression), expression)
        if name in KEPT:
            return expression
        if name in _TEMPLATES:
            # it says what happened, without what differs; a text of few words may name somebody
            return self._without_found(expression)
        if name == "name" and "time_unix_nano" in siblings:
            # of the events of an anonymous span only the exceptions stay
            return self._if(owned, "'exception'", self._without_found(expression))
        if name in _NULLED:
            return self._if(owned, "null", self._without_found(expression))
        if name == "record_uid":
            return self._if(owned, self._blank(expression, 32), self._without_found(expression))
        if name in _HASHES:
            return self._if(owned, self._pseudonym(expression), expression)
        if name == "operation" and "endpoint" in siblings:
            return self._if(owned, siblings["endpoint"], self._without_found(expression))
        return self._if(owned, self._blank(expression), self._without_found(expression))

    def _attributes(
        self, name: str, expression: str, siblings: Mapping[str, str], owned: str
    ) -> str:
        subjects = " or ".join(
            f"k = {literal(key)} and v = {literal(value)}"
            for key, value in sorted(self.erased.subjects)
        )
        is_blanked = f"({is_in('k', frozenset(_BLANKED_ATTRIBUTES))}"
        is_blanked += " or k like 'tracekeep.unreadable.%')"
        is_kept = self._is_kept(name, siblings)
        if name != "resource_attributes":
            is_kept = f"({is_kept} or {is_blanked})"
        blanked = (
            f"transform_values(map_filter({expression}, (k, v) -> {is_kept} and not ("
            f"{subjects or 'false'})), (k, v) -> case "
            # it tells records apart: a word of few digits would make two of them one
            f"when k = {literal(_RECORD_UID)} then {self._blank('v', 32)} "
            f"when {is_blanked} then {self._blank('v')} else {self._without_found('v')} end)"
        )
        other = expression
        if subjects:
            other = f"map_filter({other}, (k, v) -> not ({subjects}))"
        if self.found:
            other = f"transform_values({other}, (k, v) -> {self._without_found('v')})"
        return self._if(owned, blanked, other)

    def _is_kept(self, name: str, siblings: Mapping[str, str]) -> str:
        """Predicate: an anonymous row keeps the attribute `k` of the value `v`."""
        if name == "resource_attributes":
            return f"k rlike {literal(_KEPT_RESOURCES)}"
        terms = [
            is_in("k", frozenset(_KEPT_ATTRIBUTES)),
            # elsewhere it is a text: of Zipkin's spans the message
            f"k = 'error' and {is_in('lower(v)', frozenset(('true', 'false')))}",
        ]
        if "kind" in siblings:
            is_caller = is_in(siblings["kind"], frozenset(("client", "producer")))
            terms.append(f"{is_caller} and {is_in('k', frozenset(_PEERS))}")
        return f"({' or '.join(terms)})"

    def _if(self, condition: str, value: str, other: str) -> str:
        return (
            other
            if condition == "false"
            else f"case when {condition} then {value} else {other} end"
        )

    def _pseudonym(self, expression: str, digits: int | None = None) -> str:
        size = digits or f"length({expression})"
        return f"left(sha2(concat({literal(self.erased.key)}, {expression}), 256), {size})"

    def _redacted(self, expression: str) -> str:
        return f"transform(array({expression}), value -> {self.sql.redacted})[0]"

    def _blank(self, expression: str, digits: int = 8) -> str:
        """What an erased text becomes: the same for the same text, so that records stay as many as
        they were; the same in each layer, so of what Silver shows."""
        return f"concat('erased ', {self._pseudonym(self._redacted(expression), digits)})"

    def _without_found(self, expression: str) -> str:
        return _replaced(expression, self._replacements)


def _trace_of(name: str, siblings: Mapping[str, str]) -> str | None:
    """The column with the trace of a span id beside it. A caller's span may be of another trace,
    where a link leads to it; without a column nobody knows of which."""
    own = siblings.get(name.removesuffix("span_id") + "trace_id")
    return own if own or name == _CALLER else siblings.get("trace_id")


def is_trace_id(name: str) -> bool:
    """Whether a column, or an array of that name, holds trace ids."""
    return name.endswith(("trace_id", "trace_ids")) or name == "touched_key"


def pseudonym(key: str, text: str) -> str:
    """What an id becomes, as the statements work it out."""
    return hashlib.sha256(f"{key}{text}".encode()).hexdigest()[: len(text)]


def _found(text: str, pattern: str, group: int, condition: str, how: str) -> str:
    """Expression: what a pattern finds in a text, as far as it meets a condition of `id`."""
    ids = f"regexp_extract_all({text}, {literal(pattern)}, {group})"
    if condition != "true":
        ids = f"filter({ids}, id -> {condition})"
    return f"transform({ids}, id -> concat('{how}', id))"


def _replaced(text: str, rules: Iterable[tuple[str, str]]) -> str:
    """Expression: a text after some patterns were replaced, in their order."""
    for pattern, replacement in rules:
        text = f"regexp_replace({text}, {literal(pattern)}, {literal(replacement)})"
    return text


def _pattern_of(found: str, keys: Iterable[str]) -> tuple[str, str]:
    """Pattern of what `found_in` found, wherever else it stands, and what becomes of it. keys: the
    attributes that are looked for in texts."""
    how, told = found[:3], found[3:]
    text = quoted(told)
    if how == _ATTRIBUTE:
        parts = (attribute_parts(told, key) for key in keys)
        before, value, mark = next(part for part in parts if part)
        after = f"(?={quoted(mark)})" if mark else END_OF_VALUE
        # what was JSON stays JSON
        return f"(?<={quoted(before)}){quoted(value)}{after}", "erased" if mark else "null"
    if how == _WHOLE:
        text = f"(?<![0-9A-Fa-f])(?i:{text})(?![0-9A-Fa-f])"
    elif how == _IN_FIELD:
        text = f"(?i:{text})(?![0-9.Ee])"
    elif how == _ANYWHERE:
        text = f"(?i:{text})"
    return text, "erased"


def _texts_of(name: str, kind: DataType, expression: str) -> Iterator[str]:
    from pyspark.sql.types import ArrayType, MapType, StringType, StructType

    if isinstance(kind, StringType):
        is_id = is_trace_id(name) or name.endswith("span_id") or name in _HASHES
        if name not in KEPT and not is_id:
            yield expression
    elif isinstance(kind, MapType):
        yield f"concat_ws('\\n', map_values({expression}))"
    elif isinstance(kind, ArrayType):
        for text in _texts_of(name, kind.elementType, "one"):
            yield f"concat_ws('\\n', transform({expression}, one -> {text}))"
    elif isinstance(kind, StructType):
        for field in kind.fields:
            yield from _texts_of(field.name, field.dataType, f"{expression}.{field.name}")
