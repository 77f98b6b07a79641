"""Where the lake is: one folder, or one prefix of an object store, that holds all state."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any, cast

import yaml

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs as pa_fs

PROJECT = Path(__file__).resolve().parent.parent
"""Root of the project: dbt and Spark resolve their relative paths from here."""

LAYERS = ("bronze", "silver", "gold")
SCHEMAS = (*LAYERS, "control")
"""`control` holds the state of runs: books, builds, lists of what changed, expired days."""


class LakeError(Exception):
    """The lake cannot be used as it is named; the message says why."""


def lake_path() -> Path:
    """The lake: `TRACEKEEP_LAKE`, else `.lake` in the project; an absolute path, or what behaves
    like one for a URI such as `s3a://bucket/prefix`. As text it is what Spark and Delta open.

    The variable is made absolute in the environment too, so that child processes agree.
    Raises LakeError for an object store that cannot be reached, and for a name that Spark, Hive or
    Derby would read in another way.
    """
    place = os.environ.get("TRACEKEEP_LAKE") or str(PROJECT / ".lake")
    if "://" in place:
        return _in_store(place.rstrip("/"))
    path = _on_disk(place, "TRACEKEEP_LAKE")
    os.environ["TRACEKEEP_LAKE"] = str(path)
    return path


def _on_disk(place: str | Path, variable: str) -> Path:
    path = Path(place).absolute()
    _check_name(str(path), variable)
    return path


def _check_name(place: str, variable: str) -> None:
    """Java's options end at spaces, the metastore escapes them, brackets are patterns to Hadoop."""
    if strange := re.search(r"[^\w./=+,@~-]", place):
        raise LakeError(
            f"{place} cannot hold a lake or its state, because of {strange[0]!r} in it: name a "
            f"place of letters, digits and any of _ . / = + , @ ~ - in {variable}"
        )


@cache
def _in_store(place: str) -> Path:
    from upath import UPath

    _check_name(place.partition("://")[2], "TRACEKEEP_LAKE")
    # Spark writes behind its back, so it must not remember what a folder held
    lake = UPath(place, use_listings_cache=False)
    try:
        lake.fs.exists(lake.path)
    except Exception as error:  # each store has errors of its own: keys, rights, network
        raise LakeError(f"the lake {place} cannot be reached: {error}") from error
    return cast("Path", lake)


def state_path() -> Path:
    """What this machine alone needs of the lake, on its own disk: the metastore, logs, a lock.

    `TRACEKEEP_STATE`, else the lake itself (as in profiles.yml). That of an object store can be
    deleted while nothing runs. Raises LakeError for an object store without TRACEKEEP_STATE.
    """
    lake = lake_path()
    named = os.environ.get("TRACEKEEP_STATE")
    if not named and not is_local(lake):
        raise LakeError(
            f"the lake {lake} is in an object store: name a folder of this machine for the "
            "metastore and logs in TRACEKEEP_STATE"
        )
    return _on_disk(named, "TRACEKEEP_STATE") if named else lake


def is_local(path: Path) -> bool:
    """Whether a path is one of this machine's file system, not of an object store."""
    return isinstance(path, PosixPath)


def table_path(name: str) -> Path:
    """Folder of the table `layer.table`."""
    layer, table = name.split(".")
    return lake_path() / layer / table


def has_table(name: str) -> bool:
    """Whether the lake has the table `layer.table`."""
    return _is_table(table_path(name))


def read_table(name: str, columns: Sequence[str], filters: list[Any] | None = None) -> pa.Table:
    """Columns of the table `layer.table`, which exists, as it is now; filters: of pyarrow."""
    from deltalake import DeltaTable

    folder = table_path(name)
    return DeltaTable(str(folder)).to_pyarrow_table(
        columns=list(columns), filesystem=arrow_files(folder), filters=filters
    )


def arrow_files(folder: Path) -> pa_fs.FileSystem | None:
    """What pyarrow reads the files of a table through: its own access to a disk; None, deltalake's,
    for an object store.

    The latter is Python, which threads of pyarrow call: to close a file as the interpreter ends
    aborts the process (`end_process`).
    """
    from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

    return SubTreeFileSystem(str(folder), LocalFileSystem()) if is_local(folder) else None


def _is_table(folder: Path) -> bool:
    """A table whose making was cut short has a log without a commit, and is none."""
    return any((folder / "_delta_log").glob("*.json"))


def file_sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file below a folder, by its path in it; without files that vanish meanwhile."""
    if not is_local(folder):
        found = folder.fs.find(folder.path, detail=True)  # type: ignore[attr-defined]  # one list
        start = len(folder.path.rstrip("/")) + 1  # type: ignore[attr-defined]
        return {name[start:]: entry["size"] for name, entry in found.items()}
    sizes = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with suppress(FileNotFoundError):
                sizes[os.path.relpath(path, folder)] = os.lstat(path).st_size
    return sizes


def delta_tables() -> list[str]:
    """The Delta tables of the lake, `layer.table`: layers in their order, tables by name."""
    return [
        f"{layer}.{folder.name}"
        for layer in SCHEMAS
        for folder in sorted((lake_path() / layer).glob("*"))
        if _is_table(folder)
    ]


def project_variables(overrides: str | None = None) -> dict[str, Any]:
    """The variables of dbt_project.yml, with those of dbt's `--vars` (YAML) in their place.

    Raises ValueError for what is no mapping.
    """
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    try:
        own = yaml.safe_load(overrides or "{}")
    except yaml.YAMLError as error:
        raise ValueError(f"{overrides!r} is no YAML") from error
    if not isinstance(own, dict):
        raise ValueError(f"{overrides!r} names no variables: write it as {{name: value}}")
    return {**project["vars"], **own}


@cache
def bronze_tables() -> dict[str, dict[str, str]]:
    """Columns and Spark types of each Bronze table, in order, as its dbt source defines them."""
    path = PROJECT / "models" / "bronze" / "_bronze__sources.yml"
    (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return {
        table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
        for table in source["tables"]
    }
