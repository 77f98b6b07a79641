"""What an erasure has to do, on disk until it is done: so that one that was cut short goes on."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracekeep.erasure.rewriting import Erased
from tracekeep.lake import is_local, lake_path


class RefusedError(Exception):
    """The lake is not in a state where something can be erased; the message says what to do."""


@dataclass
class Request:
    """Ids in lowercase hex; shared: those of the spans that other traces use too; records:
    `record_hash`es; subjects: attributes and values; met: those of them that records had where
    later layers name them too; touched: keys of other traces and records that are built again; key:
    the secret of the pseudonyms; variables: of dbt, as YAML."""

    key: str = field(default_factory=lambda: secrets.token_hex(32))
    variables: str = "{}"
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    traces: set[str] = field(default_factory=set)
    spans: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    subjects: set[tuple[str, str]] = field(default_factory=set)
    met: set[tuple[str, str]] = field(default_factory=set)
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
        """Write it to the lake, for its owner alone, before anything is done for it. In an object
        store who can read the lake can read it."""
        path = request_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        told = {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in asdict(self).items()
        }
        if not is_local(path):
            path.write_text(json.dumps(told), encoding="utf-8")
            return
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


def open_request(
    traces: Iterable[str], subjects: Iterable[tuple[str, str]], variables: str | None = None
) -> Request:
    """The request that was cut short, if there is one, with what is asked for now.

    variables: of dbt; None for those of the request. Raises RefusedError if it has others: what is
    half built with them would not fit.
    """
    request = Request(variables=variables or "{}")
    if request_path().exists():
        told = json.loads(request_path().read_text(encoding="utf-8"))
        for entry in fields(Request):
            if entry.name not in told:
                continue
            value = told[entry.name]
            if entry.name in ("subjects", "met"):
                value = {(key, text) for key, text in value}
            elif isinstance(value, list):
                value = set(value)
            setattr(request, entry.name, value)
        if variables is not None and _parsed(variables) != _parsed(request.variables):
            raise RefusedError(
                "an erasure that was cut short waits to be ended. It goes on with --vars "
                f"'{request.variables}', not with others: run `erase` without --vars first"
            )
    request.traces |= set(traces)
    request.subjects |= set(subjects)
    return request


def _parsed(variables: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(variables) or {}
    except yaml.YAMLError:
        return variables  # dbt says what is wrong with it
