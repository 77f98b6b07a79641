"""The proof of an erasure (R12): every value, statistic and log entry of every file, decoded.

A search for bytes would find nothing in compressed Parquet; so files are decoded, and the search
counts only if it finds a control that was planted in each kind of place.
"""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracekeep.erased_ids import ids_in
from tracekeep.erasure.rewriting import SHORTEST_VALUE, in_base64

_ROWS = 16_384
_HEX_SIZES = (32, 16)


@dataclass(frozen=True)
class Wanted:
    """What must not be found: ids in lowercase hex, attributes and their values."""

    ids: frozenset[str]
    subjects: frozenset[tuple[str, str]] = frozenset()

    def found_in(self, text: str) -> set[str]:
        """Which of them a text holds: ids in hex of any case, with or without hyphens, or base64;
        values that are long enough."""
        found = set()
        for run in ids_in(text):
            for size in _HEX_SIZES:
                for start in range(len(run) - size + 1):
                    if run[start : start + size] in self.ids:
                        found.add(run[start : start + size])
        if "==" in text:
            found |= {one for coded, one in self._coded.items() if coded in text}
        return found | {
            value for _, value in self.subjects if len(value) >= SHORTEST_VALUE and value in text
        }

    @cached_property
    def _coded(self) -> dict[str, str]:
        return {in_base64(one): one for one in self.ids if len(one) == _HEX_SIZES[0]}


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
    control = secrets.token_hex(16)
    folder = lake / f".control-{secrets.token_hex(4)}"
    finding = Finding()
    try:
        plant(folder, control)
        both = Wanted(wanted.ids | {control}, wanted.subjects)
        for file in files_below([lake, *folders]):
            if file != request:
                look_through(file, both, finding)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seen = {(Path(file).name, place) for file, place, what in finding.found if what == control}
    missed = expected_places() - seen
    if missed:
        raise BlindError(f"the search is blind to {sorted(missed)}")
    finding.found = [entry for entry in finding.found if entry[2] != control]
    return finding


def files_below(folders: Iterable[Path]) -> Iterator[Path]:
    """All files below some folders, hidden ones too, each once."""
    seen = set()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path not in seen:
                seen.add(path)
                yield path


def look_through(file: Path, wanted: Wanted, finding: Finding) -> None:
    """Search one file and note what it holds."""
    finding.files += 1
    finding.bytes += file.stat().st_size
    if file.suffix == ".parquet":
        for place, what in _in_parquet(file, wanted, finding):
            finding.found.append((str(file), place, what))
        return
    text = file.read_bytes().decode("utf-8", "replace")
    for what in sorted(wanted.found_in(text)):
        finding.found.append((str(file), "text", what))


def _in_parquet(file: Path, wanted: Wanted, finding: Finding) -> Iterator[tuple[str, str]]:
    with pq.ParquetFile(file) as parquet:
        metadata = parquet.metadata
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                column = metadata.row_group(group).column(number)
                for what in sorted(wanted.found_in(_bounds_of(column))):
                    yield f"statistics of {column.path_in_schema}", what
        finding.columns += metadata.num_columns
        for what in sorted(wanted.found_in(str(metadata.metadata or ""))):
            yield "footer", what
        found = set()
        for rows in parquet.iter_batches(_ROWS):
            for name, column in zip(rows.schema.names, rows.columns, strict=True):
                for place, what in _in_column(name, column, wanted):
                    found.add((place, what))
        yield from sorted(found)


def _bounds_of(column: Any) -> str:
    statistics = column.statistics
    if statistics is None or not statistics.has_min_max:
        return ""
    return f"{statistics.min}\n{statistics.max}"


def _in_column(name: str, column: pa.Array, wanted: Wanted) -> Iterator[tuple[str, str]]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _in_column(name, column.dictionary_decode(), wanted)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        distinct = pc.unique(column.drop_null())
        text = pc.binary_join(pa.ListArray.from_arrays([0, len(distinct)], distinct), "\n")
        for what in wanted.found_in(text[0].as_py() or ""):
            yield name, what
    elif pa.types.is_map(kind):
        keys, values = _map_parts(column)
        for key, value in wanted.subjects:
            both = pc.and_(pc.equal(keys, key), pc.equal(values, value))
            if pc.any(both).as_py():
                yield name, value
        yield from _in_column(name, keys, wanted)
        yield from _in_column(name, values, wanted)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _in_column(name, column.flatten(), wanted)
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            inner = kind.field(number).name
            yield from _in_column(f"{name}.{inner}", pc.struct_field(column, number), wanted)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        for value in column.drop_null().to_pylist():
            for what in wanted.found_in(value.decode("utf-8", "replace")):
                yield name, what


def _map_parts(column: pa.MapArray) -> tuple[pa.Array, pa.Array]:
    """Keys and values of the rows of a map, without what lies outside of its slice."""
    offsets = column.offsets
    start, end = offsets[0].as_py(), offsets[len(column)].as_py()
    return column.keys.slice(start, end - start), column.items.slice(start, end - start)


# ---------------------------------------------------------------- the control


def expected_places() -> set[tuple[str, str]]:
    """File name and place of each planted control."""
    return {
        ("planted.zstd.parquet", "text"),
        ("planted.zstd.parquet", "attributes"),
        ("planted.zstd.parquet", "links.trace_id"),
        ("planted.zstd.parquet", "statistics of text"),
        ("00000000000000000000.json", "text"),
        ("00000000000000000000.checkpoint.parquet", "add.stats"),
        ("planted.sql", "text"),
        ("planted.crc", "text"),
    }


def plant(folder: Path, control: str) -> None:
    """Write a control id into each kind of file that a lake and a project have."""
    log = folder / "_delta_log"
    log.mkdir(parents=True)
    coded = base64.b64encode(bytes.fromhex(control)).decode()
    rows = pa.table(
        {
            "text": ["a text", f"trace={control.upper()} end"],
            "attributes": pa.array(
                [[("key", "value")], [("key", f"with {coded} in it")]],
                pa.map_(pa.string(), pa.string()),
            ),
            "links": pa.array(
                [[], [{"trace_id": control}]],
                pa.list_(pa.struct([("trace_id", pa.string())])),
            ),
        }
    )
    pq.write_table(rows, folder / "planted.zstd.parquet", compression="zstd")
    stats = json.dumps({"minValues": {"trace_id": control}})
    action = json.dumps({"add": {"path": "x", "stats": stats}})
    log.joinpath("00000000000000000000.json").write_text(action, encoding="utf-8")
    checkpoint = pa.table({"add": [{"path": "x", "stats": stats}]})
    pq.write_table(checkpoint, log / "00000000000000000000.checkpoint.parquet")
    hyphens = f"{control[:8]}-{control[8:12]}-{control[12:16]}-{control[16:20]}-{control[20:]}"
    folder.joinpath("planted.sql").write_text(f"select '{hyphens}'", encoding="utf-8")
    folder.joinpath("planted.crc").write_bytes(b"\x00\xff" + control.encode() + b"\xfe")
