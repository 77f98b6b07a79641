"""What a Parquet file holds, decoded: for searches that must miss nothing.

A search for bytes finds nothing in compressed Parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def bounds_of(metadata: pq.FileMetaData) -> Iterator[tuple[str, Any, Any]]:
    """Least and greatest value in the statistics of each column chunk, with the column's path."""
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for number in range(columns.num_columns):
            column = columns.column(number)
            if column.statistics is not None and column.statistics.has_min_max:
                yield column.path_in_schema, column.statistics.min, column.statistics.max


def parts_of(name: str, column: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """A column and all columns inside it, however deep, each with its path; keys and values of a
    map have the path of the map."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from parts_of(name, column.dictionary_decode())
        return
    yield name, column
    if pa.types.is_map(kind):
        for inner in map_parts(column):
            yield from parts_of(name, inner)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from parts_of(name, column.flatten())
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            inner = pc.struct_field(column, number)
            yield from parts_of(f"{name}.{kind.field(number).name}", inner)


def map_parts(column: pa.MapArray) -> tuple[pa.Array, pa.Array]:
    """Keys and values of the rows of a map, without what is outside of its slice."""
    start, end = column.offsets[0].as_py(), column.offsets[len(column)].as_py()
    return column.keys.slice(start, end - start), column.items.slice(start, end - start)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds texts."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column holds bytes."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
