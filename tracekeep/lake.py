"""Where the lake is: one folder that holds all state."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent
"""Root of the project: dbt and Spark resolve their relative paths from here."""

LAYERS = ("bronze", "silver", "gold")
SCHEMAS = (*LAYERS, "control")
"""`control` holds the state of runs: books, builds, lists of what changed, expired days."""


def lake_path() -> Path:
    """Absolute path of the lake: `TRACEKEEP_LAKE`, else `.lake` in the project.

    The variable is made absolute in the environment too, so that child processes agree.
    """
    path = Path(os.environ.get("TRACEKEEP_LAKE") or PROJECT / ".lake").absolute()
    os.environ["TRACEKEEP_LAKE"] = str(path)
    return path


def table_path(name: str) -> Path:
    """Folder of the table `layer.table`."""
    layer, table = name.split(".")
    return lake_path() / layer / table


def delta_tables() -> list[str]:
    """The Delta tables of the lake, `layer.table`: layers in their order, tables by name.

    A table whose making was cut short has a log without a commit and is not among them.
    """
    return [
        f"{layer}.{folder.name}"
        for layer in SCHEMAS
        for folder in sorted((lake_path() / layer).glob("*"))
        if any(folder.joinpath("_delta_log").glob("*.json"))
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
def _bronze_source() -> dict[str, Any]:
    path = PROJECT / "models" / "bronze" / "_bronze__sources.yml"
    (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return source


def bronze_tables() -> dict[str, dict[str, str]]:
    """Columns and Spark types of each Bronze table, in order, as its dbt source defines them."""
    return {
        table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
        for table in _bronze_source()["tables"]
    }


def bronze_properties() -> dict[str, str]:
    """Delta table properties that all Bronze tables are created with."""
    return _bronze_source()["config"]["meta"]["tblproperties"]
