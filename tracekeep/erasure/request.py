"""What an erasure has to do, on disk until it is done: so that one that was cut short goes on."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from tracekeep.erasure.rewriting import Erased
from tracekeep.lake import lake_path


@dataclass
class Request:
    """Ids in lowercase hex; shared: those of the spans that other traces use too; records:
    `record_hash`es; subjects: attributes and values; touched: keys of other traces and records that
    are built again; key: the secret of the pseudonyms."""

    key: str = field(default_factory=lambda: secrets.token_hex(32))
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    traces: set[str] = field(default_factory=set)
    spans: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    subjects: set[tuple[str, str]] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)

    @property
    def erased(self) -> Erased:
        """What is to be erased, as the statements need it."""
        return Erased(
            self.key,
            frozenset(self.traces),
            frozenset(self.spans - self.shared),
            frozenset(self.records),
            frozenset(self.subjects),
        )

    def store(self) -> None:
        """Write it to disk, for its owner alone, before anything is done for it."""
        path = request_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        told = {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in asdict(self).items()
        }
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(told, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def forget(self) -> None:
        """Remove it from disk: it is done, and it names what must be gone."""
        for path in (request_path(), request_path().with_suffix(".part")):
            path.unlink(missing_ok=True)


def request_path() -> Path:
    """Where a request stands while it is worked on."""
    return lake_path() / ".erasure.json"


def open_request(traces: Iterable[str], subjects: Iterable[tuple[str, str]]) -> Request:
    """The request that was cut short, if there is one, with what is asked for now."""
    request = Request()
    if request_path().exists():
        told = json.loads(request_path().read_text(encoding="utf-8"))
        for entry in fields(Request):
            if entry.name not in told:
                continue
            value = told[entry.name]
            if entry.name == "subjects":
                value = {(key, text) for key, text in value}
            elif isinstance(value, list):
                value = set(value)
            setattr(request, entry.name, value)
    request.traces |= set(traces)
    request.subjects |= set(subjects)
    return request
