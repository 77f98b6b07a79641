"""The list of what was erased (R12): salted hashes that ingest obeys and drill-down answers by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

from tracekeep.lake import has_table, read_table
from tracekeep.spellings import TRACE_ID_DIGITS, ids_in, values_in

LIST = "bronze.erased_ids"
ERASED_PROPERTY = "tracekeep.erasedAt"
"""Table property that says when versions before the oldest one were erased, ISO time."""
COLUMNS = ("id_kind", "subject_key", "salt", "id_hash", "erased_at")
TRACE, SPAN, RECORD, SUBJECT = "trace", "span", "record", "subject"
"""Kinds of an entry: a trace id, an id of one of its spans, the `record_hash` of an event without a
trace, the value of an attribute."""


@dataclass(frozen=True)
class ErasedIds:
    """The list in memory. hashes: (kind, key, hash) -> when it was erased; the key of a subject is
    its attribute, else empty."""

    salt: str
    hashes: Mapping[tuple[str, str, str], datetime]

    @cached_property
    def subject_keys(self) -> frozenset[str]:
        """Attributes that subjects were erased by."""
        return frozenset(key for kind, key, _ in self.hashes if kind == SUBJECT)

    def erased_at(self, kind: str, text: str | None, key: str = "") -> datetime | None:
        """When an id was erased; None if it was not."""
        if text is None:
            return None
        return self.hashes.get((kind, key, id_hash(self.salt, text)))

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether a record of a reader belongs to what was erased. A reject does if its text has
        an id of it, or an attribute."""
        text = record.get("raw_text")
        if record["table"] == "rejected_records" and text:
            return self._holds_text(text.decode("utf-8", "replace"))
        ids = {TRACE: record.get("trace_id"), RECORD: record.get("record_hash")}
        if record.get("trace_id") is None:
            ids[SPAN] = record.get("span_id")
        if any(self.erased_at(kind, text) for kind, text in ids.items()):
            return True
        keys = self.subject_keys
        return bool(keys) and any(
            key in keys and self.erased_at(SUBJECT, value, key)
            for key, value in _attributes_of(record)
        )

    def _holds_text(self, text: str) -> bool:
        ids = ((TRACE if len(one) == TRACE_ID_DIGITS else SPAN, one, "") for one in ids_in(text))
        values = (
            (SUBJECT, value, key) for key in self.subject_keys for value in values_in(text, key)
        )
        return any(self.erased_at(*entry) for entry in chain(ids, values))


def id_hash(salt: str, text: str) -> str:
    """The hash that the list holds of an id or value."""
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def read_erased_ids(rows: Iterable[Mapping[str, Any]] | None = None) -> ErasedIds | None:
    """The list of the lake, or of its rows if they are given; None if nothing was erased."""
    if rows is None:
        if not has_table(LIST):
            return None
        rows = read_table(LIST, COLUMNS).to_pylist()
    held = list(rows)
    if not held:
        return None
    # one salt, that of the first erasure
    salt = min((row["erased_at"], row["salt"]) for row in held)[1]
    return ErasedIds(
        salt,
        {
            (row["id_kind"], row["subject_key"] or "", row["id_hash"]): row["erased_at"]
            for row in sorted(held, key=lambda row: row["erased_at"], reverse=True)
        },
    )


def _attributes_of(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for column in ("attributes", "resource_attributes"):
        yield from record.get(column) or ()
    for column in ("events", "links"):
        for part in record.get(column) or ():
            yield from part["attributes"]
