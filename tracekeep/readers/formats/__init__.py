"""The formats of JSON input, a module each. `FORMATS` lists all modules of this folder.

A new format is a module with the names of `Format` here, its test, and its row in docs/ingest.md.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Protocol, cast

from msgspec import Raw

from tracekeep.readers.records import Record


class Format(Protocol):
    """A module that reads one format."""

    NAME: str
    """What `--format` takes."""

    SOURCE_FORMAT: str
    """What Bronze calls it."""

    RANK: int
    """Formats are asked in this order; the first that matches reads the object."""

    def matches(self, fields: dict[str, Raw]) -> bool:
        """Whether an object, given as its keys and their JSON texts, has this format."""

    def read(self, fields: dict[str, Raw], raw: bytes) -> Iterator[Record]:
        """Records of an object. raw: its JSON text. Never raises: what cannot be read is a
        rejected record."""


FORMATS = {
    module.NAME: module
    for module in sorted(
        (
            cast(Format, importlib.import_module(f"{__name__}.{found.name}"))
            for found in pkgutil.iter_modules(__path__)
        ),
        key=lambda module: module.RANK,
    )
}
"""By name, in the order of their ranks."""
