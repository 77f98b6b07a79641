"""The long proofs use the helpers of the tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    """An empty lake of its own, for processes and sessions that the test starts."""
    before = os.environ.get("TRACEKEEP_LAKE")
    os.environ["TRACEKEEP_LAKE"] = str(tmp_path / "lake")
    yield tmp_path / "lake"
    if before is None:
        del os.environ["TRACEKEEP_LAKE"]
    else:
        os.environ["TRACEKEEP_LAKE"] = before
