"""The proof of an erasure (R12): every value, statistic and log entry of every file, decoded.

A search for bytes would find nothing in compressed Parquet; so files are decoded, and the search
counts only if it finds a control that was planted in each kind of place.
"""

from __future__ import annotations

import gzip
import json
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracekeep.erasure.rewriting import SHORTEST_VALUE
from tracekeep.lake import file_sizes, is_local
from tracekeep.parquet_parts import bounds_of, is_bytes, is_text, map_parts, parts_of
from tracekeep.readers.files import unpacked
from tracekeep.spellings import attribute_pattern, examples, ids_in, spellings, value_pattern

_ROWS = 16_384
_PART = 64 << 20
_OVERLAP = 65_536


@dataclass(frozen=True)
class Wanted:
    """What must not be found: ids in lowercase hex, attributes and their values. own: ids of spans
    that other traces use too, so that they must not be found in rows of the traces of `pseudonyms`
    alone."""

    ids: frozenset[str]
    subjects: frozenset[tuple[str, str]] = frozenset()
    own: frozenset[str] = frozenset()
    pseudonyms: frozenset[str] = frozenset()

    @property
    def of_own_rows(self) -> Wanted:
        """What must not be found in rows of what was erased, besides."""
        return Wanted(self.own)

    @property
    def of_logs(self) -> Wanted:
        """What must not be found in Delta's logs: their statistics spell columns as JSON spells
        attributes."""
        return replace(self, subjects=frozenset(self.subjects - set(self._short)))

    def found_in(self, text: str) -> set[str]:
        """Which of them a text holds, in any spelling; short values as attributes of JSON alone."""
        found = {value for value, pattern in self._attributes if pattern.search(text)}
        found |= {one for one in ids_in(text, self._has_fields) if one in self.ids}
        for value, pattern in self._values:
            if value in text or ("\\" in text and pattern.search(text)):
                found.add(value)
        return found

    @cached_property
    def _has_fields(self) -> bool:
        return bool(spellings(self.ids).fields)

    @cached_property
    def _attributes(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(value, re.compile(attribute_pattern(key, value))) for key, value in self._short]

    @property
    def _short(self) -> list[tuple[str, str]]:
        return [one for one in self.subjects if len(one[1]) < SHORTEST_VALUE]

    @cached_property
    def _values(self) -> list[tuple[str, re.Pattern[str]]]:
        return [
            (value, re.compile(value_pattern(value)))
            for _, value in self.subjects
            if len(value) >= SHORTEST_VALUE
        ]


@dataclass
class Finding:
    """What was looked through, and where something was found: (file, place, what)."""

    files: int = 0
    columns: int = 0
    bytes: int = 0
    found: list[tuple[str, str, str]] = field(default_factory=list)


class BlindError(Exception):
    """The search did not find what was planted; the message says where."""


def prove(
    wanted: Wanted, folders: Iterable[Path], lake: Path, request: Path | None = None
) -> Finding:
    """Look for what must be gone in all files of the lake and of some folders.

    request: the one file that may tell, as long as the erasure is not done.
    Raises BlindError if the control that it plants in the lake, and removes again, is not found in
    each place.
    """
    control = Control()
    folder = lake / f".control-{secrets.token_hex(4)}"
    finding = Finding()
    try:
        plant(folder, control)
        both = Wanted(
            wanted.ids | control.ids,
            wanted.subjects | {control.subject, control.short},
            wanted.own | {control.own},
            wanted.pseudonyms | {control.pseudonym},
        )
        for file in files_below([lake, *folders]):
            if file != request:
                look_through(file, both, finding)
    finally:
        for file in files_below([folder]):
            file.unlink(missing_ok=True)
        if is_local(folder):
            shutil.rmtree(folder, ignore_errors=True)
    planted = {*control.ids, control.subject[1], control.short[1], control.own}
    seen = {(Path(file).name, place) for file, place, what in finding.found if what in planted}
    missed = expected_places(control) - seen
    if missed:
        raise BlindError(f"the search is blind to {sorted(missed)}")
    finding.found = [entry for entry in finding.found if entry[2] not in planted]
    return finding


def files_below(folders: Iterable[Path]) -> Iterator[Path]:
    """All files below some folders, hidden ones too, each once."""
    seen = set()
    for folder in folders:
        for path in sorted(folder / name for name in file_sizes(folder)):
            if path not in seen and (path.is_file() or not is_local(path)):
                seen.add(path)
                yield path


def look_through(file: Path, wanted: Wanted, finding: Finding) -> None:
    """Search one file and note what it holds."""
    wanted = wanted.of_logs if file.parent.name == "_delta_log" else wanted
    finding.files += 1
    finding.bytes += file.stat().st_size
    if file.suffix == ".parquet":
        for place, what in _in_parquet(file, wanted, finding):
            finding.found.append((str(file), place, what))
        return
    found = set()
    for text in _texts_of(file):
        found |= wanted.found_in(text.decode("utf-8", "replace"))
    finding.found += [(str(file), "text", what) for what in sorted(found)]


def _texts_of(file: Path) -> Iterator[bytes]:
    """What a file holds, decompressed as ingest does it, in parts: of whole lines, or overlapping
    ones of a line that is too long."""
    with file.open("rb") as raw:
        opened = unpacked(raw)
        rest = b""
        while data := opened.read(_PART):
            text = rest + data
            end = text.rfind(b"\n") + 1
            yield text[:end] if end else text
            rest = text[end:] if end else text[-_OVERLAP:]
    yield rest


def _in_parquet(file: Path, wanted: Wanted, finding: Finding) -> Iterator[tuple[str, str]]:
    with file.open("rb") as opened, pq.ParquetFile(opened) as parquet:
        metadata = parquet.metadata
        for path, least, greatest in bounds_of(metadata):
            for what in sorted(wanted.found_in(f"{least}\n{greatest}")):
                yield f"statistics of {path}", what
        finding.columns += metadata.num_columns
        for what in sorted(wanted.found_in(str(metadata.metadata or ""))):
            yield "footer", what
        found = set()
        for rows in parquet.iter_batches(_ROWS):
            for name, column in zip(rows.schema.names, rows.columns, strict=True):
                for place, what in _in_column(name, column, wanted):
                    found.add((place, what))
            if wanted.own and "trace_id" in rows.schema.names:
                for name, column in _own_columns(rows, wanted.pseudonyms):
                    found |= set(_in_column(name, column, wanted.of_own_rows))
        yield from sorted(found)


def _own_columns(
    rows: pa.RecordBatch, pseudonyms: frozenset[str]
) -> Iterator[tuple[str, pa.Array]]:
    """The columns of rows of what was erased, without what they say of spans of other traces: in
    links, and of a caller."""
    wanted = pa.array(sorted(pseudonyms), pa.string())
    names = set(rows.schema.names)
    is_own = {
        trace: pc.is_in(rows[trace].cast(pa.string()), value_set=wanted)
        for trace in ("trace_id", "source_trace_id")
        if trace in names
    }
    for name in sorted(names - {"links"}):
        trace = "source_trace_id" if name == "source_span_id" else "trace_id"
        if trace in is_own:
            yield name, rows[name].filter(is_own[trace])


def _in_column(name: str, column: pa.Array, wanted: Wanted) -> Iterator[tuple[str, str]]:
    for place, part in parts_of(name, column):
        if is_text(part.type):
            distinct = pc.unique(part.drop_null())
            text = pc.binary_join(pa.ListArray.from_arrays([0, len(distinct)], distinct), "\n")
            for what in wanted.found_in(text[0].as_py() or ""):
                yield place, what
        elif pa.types.is_map(part.type):
            keys, values = map_parts(part)
            for key, value in wanted.subjects:
                if pc.any(pc.and_(pc.equal(keys, key), pc.equal(values, value))).as_py():
                    yield place, value
        elif is_bytes(part.type):
            for value in part.drop_null().to_pylist():
                for what in wanted.found_in(value.decode("utf-8", "replace")):
                    yield place, what


# ---------------------------------------------------------------- the control


@dataclass(frozen=True)
class Control:
    """Ids and a value that nothing else holds: of 128 and 64 bits, with few digits, of a span; own:
    an id of a span that is looked for in rows of the trace `pseudonym` alone; short: an attribute
    whose value is looked for as attribute alone."""

    trace: str = field(default_factory=lambda: secrets.token_hex(16))
    others: tuple[str, ...] = field(
        default_factory=lambda: (
            f"a{secrets.token_hex(7)}5".zfill(32),
            f"a{secrets.token_hex(2)}5".zfill(32),
            f"a{secrets.token_hex(2)}5".zfill(16),
            secrets.token_hex(8),
        )
    )
    subject: tuple[str, str] = field(
        default_factory=lambda: ("planted", f'é "{secrets.token_hex(8)}" \\/')
    )

    own: str = field(default_factory=lambda: secrets.token_hex(8))
    pseudonym: str = field(default_factory=lambda: secrets.token_hex(16))
    short: tuple[str, str] = field(
        default_factory=lambda: ("planted.short", f"é-{secrets.token_hex(2)}")
    )

    @property
    def ids(self) -> frozenset[str]:
        """The ids that are looked for anywhere."""
        return frozenset((self.trace, *self.others))

    @property
    def texts(self) -> dict[str, str]:
        """A text of each spelling by the name of its file."""
        texts = {
            f"planted.{number}.{name}.txt": text
            for number, one in enumerate((self.trace, *self.others))
            for name, text in examples(one).items()
        }
        value = self.subject[1]
        texts["planted.value.txt"] = f"of {value}"
        texts["planted.value.json"] = json.dumps(json.dumps({"body": value}))
        return texts


def expected_places(control: Control) -> set[tuple[str, str]]:
    """File name and place of each planted control."""
    return {
        ("planted.zstd.parquet", "text"),
        ("planted.zstd.parquet", "attributes"),
        ("planted.zstd.parquet", "links.trace_id"),
        ("planted.zstd.parquet", "statistics of text"),
        ("00000000000000000000.json", "text"),
        ("00000000000000000000.checkpoint.parquet", "add.stats"),
        ("planted.crc", "text"),
        ("planted.jsonl.gz", "text"),
        ("planted.own.parquet", "body"),
        ("planted.short.parquet", "body"),
        ("planted.short.json", "text"),
        *((name, "text") for name in control.texts),
    }


def plant(folder: Path, control: Control) -> None:
    """Write a control into each kind of file that a lake and a project have, in each spelling."""
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    trace = control.trace
    attributes = [[("key", "value")], [("key", f"with {trace} in it"), control.subject]]
    rows = pa.table(
        {
            "text": ["a text", f"trace={trace.upper()} end"],
            "attributes": pa.array(attributes, pa.map_(pa.string(), pa.string())),
            "links": pa.array(
                [[], [{"trace_id": trace}]],
                pa.list_(pa.struct([("trace_id", pa.string())])),
            ),
        }
    )
    _write_parquet(rows, folder / "planted.zstd.parquet")
    own = pa.table({"trace_id": [control.pseudonym, "other"], "body": [f"of {control.own}", ""]})
    _write_parquet(own, folder / "planted.own.parquet")
    said = json.dumps({"body": json.dumps(dict([control.short]))})
    _write_parquet(pa.table({"body": [said]}), folder / "planted.short.parquet")
    folder.joinpath("planted.short.json").write_text(said, encoding="utf-8")
    stats = json.dumps({"minValues": {"trace_id": trace}})
    action = json.dumps({"add": {"path": "x", "stats": stats}})
    log.joinpath("00000000000000000000.json").write_text(action, encoding="utf-8")
    checkpoint = pa.table({"add": [{"path": "x", "stats": stats}]})
    _write_parquet(checkpoint, log / "00000000000000000000.checkpoint.parquet")
    packed = gzip.compress(json.dumps({"traceId": trace}).encode())
    folder.joinpath("planted.jsonl.gz").write_bytes(packed)
    for name, text in control.texts.items():
        folder.joinpath(name).write_text(text, encoding="utf-8")
    folder.joinpath("planted.crc").write_bytes(b"\x00\xff" + trace.encode() + b"\xfe")


def _write_parquet(rows: pa.Table, path: Path) -> None:
    with path.open("wb") as file:
        pq.write_table(rows, file, compression="zstd")
