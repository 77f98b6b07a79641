"""Where texts that must not be there still are: a search in all that a lake's files hold.

A byte scan of compressed Parquet finds nothing, so each column of each data file is decoded, nested
ones too, also of files that no version of a table names any more; and the statistics in their
footers, the Delta logs with the texts inside their texts, and all other files as bytes: page
indexes, dbt's `target/`, logs, the metastore.

    findings = scan(lake, needles, target=project / "target")
    assert {f.needle for f in findings if f.layer == "bronze"} == set(needles)  # the control
    assert not [f for f in findings if f.layer in ("silver", "gold", "target")]

Needles count as found as they are or written as JSON, up to three times over; and in part by their
first or last 12 characters, because statistics are cut. So these have to be a needle's own.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracekeep.parquet_parts import bounds_of, is_bytes, is_text, parts_of

PART = 12
"""Characters of a needle that count as the needle."""
WRITTEN = 3
"""How often a needle may have been written as JSON inside JSON."""
NEEDLES_PER_SCAN = 100
ROWS_PER_BATCH = 4096


@dataclass(frozen=True, order=True)
class Finding:
    """A needle in a file.

    layer: the lake's top folder that the file lies in, or `target`; path: of the file, below that
    of the lake or of the target; place: a column's name, `statistics of <column>`, `text` (decoded)
    or `bytes`; is_whole: whether all of the needle is there, not only 12 characters of it.
    """

    needle: str
    layer: str
    path: str
    place: str
    is_whole: bool


class Needles:
    """Needles in all their forms, searched together: one pass of RE2's automaton per 100 of them
    over a column, and a closer look at the values that it stopped at."""

    def __init__(self, needles: Iterable[str]) -> None:
        self.forms = {needle: forms_of(needle) for needle in dict.fromkeys(needles)}
        if "" in self.forms:
            raise ValueError("an empty text is everywhere: it cannot be a needle")
        self.parts = {
            needle: {part for form in forms for part in (form[:PART], form[-PART:])}
            for needle, forms in self.forms.items()
        }
        parts = sorted({part for held in self.parts.values() for part in held})
        self.patterns = [
            "|".join(map(escaped, parts[start : start + NEEDLES_PER_SCAN]))
            for start in range(0, len(parts), NEEDLES_PER_SCAN)
        ]

    def found_in(self, values: pa.Array) -> Iterator[tuple[str, bool]]:
        """Needles in an array of texts or bytes, with whether they are whole."""
        if not len(values) or not self.patterns:
            return
        stopped: pa.Array | None = None
        for pattern in self.patterns:
            here = pc.match_substring_regex(values, pattern)
            stopped = here if stopped is None else pc.or_kleene(stopped, here)
        for value in values.filter(stopped).to_pylist():
            yield from self._found_in_one(
                value if isinstance(value, str) else value.decode("utf-8", "replace")
            )

    def _found_in_one(self, text: str) -> Iterator[tuple[str, bool]]:
        for needle, parts in self.parts.items():
            if any(part in text for part in parts):
                yield needle, any(form in text for form in self.forms[needle])


def forms_of(needle: str) -> list[str]:
    """A needle as it is, written as JSON again and again, and read as JSON if it is written so."""
    forms = [needle]
    for ascii_only in (False, True):
        form = needle
        for _ in range(WRITTEN):
            form = json.dumps(form, ensure_ascii=ascii_only)[1:-1]
            forms.append(form)
    with contextlib.suppress(ValueError):
        forms.append(json.loads(f'"{needle}"'))
    return list(dict.fromkeys(filter(None, forms)))


def escaped(text: str) -> str:
    """A text as a pattern of RE2 that matches nothing else."""
    return "".join(letter if letter.isalnum() else f"\\x{{{ord(letter):x}}}" for letter in text)


def scan(lake: Path, needles: Iterable[str], target: Path | None = None) -> list[Finding]:
    """All places in a lake, and in dbt's target folder if it is named, that hold a needle.

    Raises FileNotFoundError for a folder that is not there and OSError, with the file's name, for
    one that cannot be read: what was not searched is not clean.
    """
    sought = Needles(needles)
    found: set[Finding] = set()
    for root, layer in ((lake, None), (target, "target")):
        if root is None:
            continue
        if not root.is_dir():
            raise FileNotFoundError(f"secret scan: no such folder: {root}")
        for path in sorted(root.rglob("*")):
            if not path.is_file():
                continue
            below = path.relative_to(root)
            for place, values in contents_of(path):
                found |= {
                    Finding(needle, layer or below.parts[0], below.as_posix(), place, is_whole)
                    for needle, is_whole in sought.found_in(values)
                }
    whole = {(f.needle, f.path, f.place) for f in found if f.is_whole}
    return sorted(f for f in found if f.is_whole or (f.needle, f.path, f.place) not in whole)


def contents_of(path: Path) -> Iterator[tuple[str, pa.Array]]:
    """All that a file holds, as arrays of texts or bytes with the place of each."""
    yield "bytes", pa.array([path.read_bytes()], pa.large_binary())
    if path.suffix == ".parquet":
        try:
            yield from _parquet_contents(path)
        except (pa.ArrowException, OSError) as error:
            raise OSError(f"secret scan: cannot read {path}: {error}") from error
    elif path.suffix in (".json", ".crc") or path.name == "_last_checkpoint":
        yield "text", pa.array(list(_texts_of_json(path)), pa.string())


def _parquet_contents(path: Path) -> Iterator[tuple[str, pa.Array]]:
    with pq.ParquetFile(path) as file:
        for column, *ends in bounds_of(file.metadata):
            texts = [end if isinstance(end, bytes) else str(end).encode() for end in ends]
            yield f"statistics of {column}", pa.array(texts, pa.binary())
        for batch in file.iter_batches(ROWS_PER_BATCH):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                for _, part in parts_of(name, column):
                    if is_text(part.type) or is_bytes(part.type):
                        yield name, part.unique()
                    elif pa.types.is_integer(part.type) or pa.types.is_decimal(part.type):
                        yield name, part.unique().cast(pa.string())


def _texts_of_json(path: Path) -> Iterator[str]:
    """The texts in a file of JSON or JSON lines, and those in texts that are JSON themselves."""
    content = path.read_text(encoding="utf-8", errors="replace")
    for document in [content, *content.splitlines()]:
        try:
            yield from _texts_in(json.loads(document))
        except (ValueError, RecursionError):
            continue


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, held in value.items():
            yield key
            yield from _texts_in(held)
    elif isinstance(value, list):
        for held in value:
            yield from _texts_in(held)
    elif isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            try:
                yield from _texts_in(json.loads(value))
            except (ValueError, RecursionError):
                return
