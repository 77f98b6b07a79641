"""The note of the last run: a lake and a project that are as it says need no build.

`<lake>/last_run.json` is written when all tests have held. All of this works without Spark.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekeep.lake import (
    PROJECT,
    SCHEMAS,
    has_table,
    lake_path,
    project_variables,
    read_table,
    state_path,
)
from tracekeep.log_coverage import ServiceCoverage
from tracekeep.summary import LayerSummary

if TYPE_CHECKING:
    from tracekeep.ingest import Options

_FOLDERS = {
    "models": (".sql", ".yml"),
    "macros": (".sql", ".yml"),
    "tests": (".sql", ".yml"),
}
_FILES = ("dbt_project.yml", "profiles.yml", "requirements.lock", "jars.sha256")
_OWN_VARIABLES = ("DBT_", "TRACEKEEP_")
_CHANGE_NO_ROW = {
    "TRACEKEEP_LAKE",  # compared as a path
    "TRACEKEEP_DRIVER_MEMORY",
    "TRACEKEEP_JAVA_OPTIONS",
    "TRACEKEEP_TESTS_SINCE",
}

Tables = dict[str, tuple[int, str]]
"""By `schema.table`: version, and hash of the commit that made it. The hash tells apart two
histories of a table that was restored."""


@dataclass(frozen=True)
class State:
    """What the tables depend on but for new input.

    project: hash by file (path in the project) and by environment variable (`$NAME`).
    lake: absolute path.
    """

    project: dict[str, str]
    lake: str
    tables: Tables


@dataclass(frozen=True)
class Note:
    """A run whose tests held: what it left, and what it printed.

    gold_build: the newest build of Gold; None before the first. tests_since: the tests looked only
    at what later builds of Gold than this one changed; None: at everything. tests_held_at,
    newest_event_at: ISO times in UTC. freshness_seconds: from the newest event that the run took to
    the commit of Gold; None if it took no event. log_coverage: of the log records that it took.
    """

    state: State
    layers: list[LayerSummary]
    warned: list[str]
    gold_build: str | None
    tests_since: str | None
    tests_held_at: str
    newest_event_at: str | None = None
    freshness_seconds: float | None = None
    log_coverage: list[ServiceCoverage] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """The lake before a run. reason: why the run must build, a sentence's start; None: it need not.

    file_count: files found at and below the paths; 0 if there was another reason to build.
    """

    note: Note | None
    state: State
    reason: str | None
    file_count: int = 0


def note_path() -> Path:
    """Where the note lies."""
    return lake_path() / "last_run.json"


def read_note() -> Note | None:
    """The note; None if there is none, or it is damaged."""
    try:
        told: dict[str, Any] = json.loads(note_path().read_text(encoding="utf-8"))
        state = told.pop("state")
        return Note(
            state=State(
                dict(state["project"]),
                str(state["lake"]),
                {name: (int(at[0]), str(at[1])) for name, at in state["tables"].items()},
            ),
            layers=[LayerSummary(**layer) for layer in told.pop("layers")],
            log_coverage=[ServiceCoverage(**each) for each in told.pop("log_coverage", ())],
            **told,
        )
    except (FileNotFoundError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def write_note(note: Note) -> None:
    """Put the note in the place of the last one, whole or not at all."""
    part = note_path().with_suffix(".part")
    part.write_text(json.dumps(asdict(note), indent=1), encoding="utf-8")
    part.rename(note_path())


# ---------------------------------------------------------------- the state now


def read_state() -> State:
    """The project and the lake as they are now."""
    return State(project_hashes(), str(lake_path()), read_tables())


def project_hashes(root: Path = PROJECT) -> dict[str, str]:
    """Hashes of all that decides what a run makes of the same input.

    Python is taken as it was at the first call: this process goes on with the code that it loaded.
    """
    hashes = dict(_python_hashes(root))
    for folder, suffixes in _FOLDERS.items():
        hashes |= _hashes(root, folder, suffixes)
    hashes |= {name: _hash((root / name).read_bytes()) for name in _FILES}
    for name, value in os.environ.items():
        if name.startswith(_OWN_VARIABLES) and name not in _CHANGE_NO_ROW:
            hashes[f"${name}"] = _hash(value.encode())
    return hashes


@cache
def _python_hashes(root: Path) -> dict[str, str]:
    return _hashes(root, "tracekeep", (".py", ".toml"))


def _hashes(root: Path, folder: str, suffixes: Sequence[str]) -> dict[str, str]:
    return {
        str(path.relative_to(root)): _hash(path.read_bytes())
        for path in (root / folder).rglob("*")
        if path.suffix in suffixes
    }


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def read_tables(schemas: Sequence[str] = SCHEMAS) -> Tables:
    """The Delta tables of the lake as their logs name them."""
    return {
        f"{schema}.{log.parent.name}": (int(newest.stem), _hash(newest.read_bytes()))
        for schema in schemas
        for log in (lake_path() / schema).glob("*/_delta_log")
        if (newest := newest_commit(log)) is not None
    }


def newest_commit(log: Path) -> Path | None:
    """The newest commit file in a Delta log folder; None if there is none."""
    commits = (entry for entry in log.iterdir() if entry.suffix == ".json" and entry.stem.isdigit())
    return max(commits, key=lambda entry: entry.name, default=None)


# ---------------------------------------------------------------- the decision


def look(paths: Sequence[str | Path], options: Options) -> Look:
    """Compare lake, project and paths with the note.

    Raises FileNotFoundError for a path that does not exist, if it came to that.
    """
    from tracekeep.ingest.plan import find_files

    note, state = read_note(), read_state()
    reason = difference(note, state)
    if reason is None and not (state_path() / "metastore").is_dir():
        reason = "the metastore is missing"
    if reason is not None:
        return Look(note, state, reason)
    found = list(dict.fromkeys(find_files(paths)))
    return Look(note, state, news(found, options), len(found))


def difference(note: Note | None, state: State) -> str | None:
    """What is not as the note says; None if nothing is."""
    if note is None:
        return f"{note_path()} is missing or damaged"
    if note.state.lake != state.lake:
        return f"the lake was at {note.state.lake} in the last run"
    return next(_changes(note.state, state), None)


def _changes(old: State, new: State) -> Iterator[str]:
    for name in sorted(old.project.keys() | new.project.keys()):
        before, after = old.project.get(name), new.project.get(name)
        if before != after:
            what = "is new" if before is None else "is gone" if after is None else "has changed"
            yield f"{name} {what}"
    for name in sorted(old.tables.keys() | new.tables.keys()):
        before, after = old.tables.get(name), new.tables.get(name)
        if before is None:
            yield f"the table {name} is new"
        elif after is None:
            yield f"the table {name} is gone"
        elif before[0] != after[0]:
            yield f"{name} has version {after[0]}, not {before[0]} as after the last run"
        elif before[1] != after[1]:
            yield f"version {after[0]} of {name} is not that of the last run"


def news(found: Sequence[str], options: Options) -> str | None:
    """What ingest has to do for these files, or left open; None if nothing.

    A process that follows the files (`is_live`) looks again and again: what it cannot change, a
    file that cannot be read and a batch of another command, is no news to it.
    """
    from tracekeep.ingest.ledger import OTHER_SOURCES, Ledger
    from tracekeep.ingest.plan import Planner

    ledger = Ledger(None)  # type: ignore[arg-type]  # only read, which needs no session
    others = [] if options.is_live else ledger.open_batches(OTHER_SOURCES)
    if open_batches := [*ledger.open_batches(), *others]:
        return f"ingest batch {min(open_batches)} is not finished"
    planner = Planner(ledger.latest_parts(), found, options.named_format, options.is_live)
    for path in found:
        try:
            if planner.plan(path) is not None:
                return f"{path} is new or has grown"
        except OSError:
            if not options.is_live:
                return f"{path} cannot be read"
    return None


def new_bytes(paths: Sequence[str | Path], options: Options, enough: int) -> int:
    """About how many bytes ingest has yet to read at and below the paths, once decompressed; it is
    not counted on beyond `enough`. What cannot be read counts nothing.

    Raises FileNotFoundError for a path that does not exist.
    """
    from tracekeep.ingest.ledger import Ledger
    from tracekeep.ingest.plan import Planner, find_files, task_bytes

    found = list(dict.fromkeys(find_files(paths)))
    is_known = has_table("bronze.ingest_files")
    known = Ledger(None).latest_parts() if is_known else {}  # type: ignore[arg-type]
    planner = Planner(known, found, options.named_format, options.is_live)
    total = 0
    for path in found:
        with suppress(OSError):
            planned = planner.plan(path)
            total += 0 if planned is None else task_bytes(planned.part)
        if total >= enough:
            break
    return total


def tests_since(seen: Look) -> str | None:
    """The build of Gold that the tests of the next build may begin after; None: all is tested.

    Only what the tests held for may be left out: the same project, and the tables above Bronze as
    the note says. And the tests look back on Silver as of that build, which Delta allows for as
    long as `silver_travel_days` says.
    """
    if seen.note is None or seen.note.gold_build is None or _is_out_of_sight(seen.note.gold_build):
        return None
    above = [
        replace(state, tables={k: v for k, v in state.tables.items() if k[:7] != "bronze."})
        for state in (seen.note.state, seen.state)
    ]
    return seen.note.gold_build if above[0] == above[1] else None


def _is_out_of_sight(build_id: str) -> bool:
    """Whether the versions of a build, whose id begins with its start, may be out of reach soon."""
    started = datetime.datetime.strptime(build_id[:16], "%Y%m%dT%H%M%SZ")
    age = datetime.datetime.now(datetime.UTC) - started.replace(tzinfo=datetime.UTC)
    days = int(project_variables()["silver_travel_days"])
    return age > datetime.timedelta(days=days) - datetime.timedelta(hours=12)


def newest_gold_build() -> str | None:
    """The newest build of Gold; None before the first."""
    import pyarrow.compute as pc

    if not has_table("gold.build_versions"):
        return None
    return pc.max(read_table("gold.build_versions", ["build_id"])["build_id"]).as_py()
