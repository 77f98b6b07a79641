"""What dbt offers to Jinja and sqlfluff's own stand-ins lack: as while dbt parses, without a query.

sqlfluff loads the package through `library_path` in .sqlfluff; each public name is one of Jinja's.
"""

import re as _re
from datetime import UTC as _UTC
from datetime import datetime as _datetime
from pathlib import Path as _Path
from types import SimpleNamespace as _SimpleNamespace
from typing import Any as _Any

import yaml as _yaml

_PROJECT = _Path(__file__).resolve().parents[2] / "dbt_project.yml"
_VARS = _yaml.safe_load(_PROJECT.read_text(encoding="utf-8"))["vars"]

execute = False
modules = _SimpleNamespace(re=_re)
graph = _SimpleNamespace(nodes={}, sources={})
invocation_id = "00000000-0000-0000-0000-000000000000"
run_started_at = _datetime(2000, 1, 1, tzinfo=_UTC)


def var(name: str, default: _Any = None) -> _Any:
    """Value of a variable in dbt_project.yml, else the default; KeyError without either."""
    return _VARS[name] if default is None else _VARS.get(name, default)


def _no_relation(database: str | None, schema: str, identifier: str) -> None:
    """No table is there while dbt parses."""


adapter = _SimpleNamespace(get_relation=_no_relation)
