"""One lake and one JVM for all tests that need Spark."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the helper modules beside the tests

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The Hive session of this process, over an empty lake; Spark fixes the place at its start."""
    from tracekeep.session import spark_session

    # Many short jobs: the second compiler would cost more than it saves.
    os.environ.setdefault("TRACEKEEP_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
    before = os.environ.get("TRACEKEEP_LAKE")
    os.environ["TRACEKEEP_LAKE"] = str(tmp_path_factory.mktemp("lake"))
    session = spark_session(hive=True)
    yield session
    session.stop()
    if before is None:
        del os.environ["TRACEKEEP_LAKE"]
    else:
        os.environ["TRACEKEEP_LAKE"] = before
