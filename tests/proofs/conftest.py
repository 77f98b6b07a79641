"""The long proofs use the helpers of the tests."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from upath import UPath

from tracekeep.lake import PROJECT

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


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server with the bucket `lake`, as the variables by which clients find it; it ends with the
    tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("s3")
    folder.joinpath("buckets", "lake").mkdir(parents=True)
    environment = {
        "AWS_ACCESS_KEY_ID": "tracekeep",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a script of the project
            [PROJECT / "scripts" / "s3_server.sh", folder, str(port)],
            env={**os.environ, **environment}, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 900
            while time.monotonic() < deadline and process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(1)
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
            yield environment
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two small generated days."""
    from tracekeep.generator import generate

    folder = tmp_path_factory.mktemp("input")
    generate(folder / "day", events=3_000, seed=1)
    generate(folder / "next", events=1_000, seed=2)
    return [folder / "day", folder / "next"]


@pytest.fixture(scope="session")
def disk_lake(two_days: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two runs in one process each make of them on disk."""
    import commands

    lake = tmp_path_factory.mktemp("disk")
    for day in two_days:
        place = {"TRACEKEEP_LAKE": str(lake), "TRACEKEEP_STATE": str(lake)}
        code, _, err = commands.finish(commands.start("run", day, **place))
        assert code == 0, err
    return lake


@pytest.fixture
def cluster(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path | UPath]:
    """A running cluster over an empty lake, which the environment names, in a `folder` or in the
    `store`, as the parameter says; it ends with the test."""
    import commands

    place: Path | UPath = tmp_path / "lake"
    if request.param == "store":
        for name, value in request.getfixturevalue("store").items():
            monkeypatch.setenv(name, value)
        place = UPath("s3a://lake/cluster", use_listings_cache=False)
    monkeypatch.setenv("TRACEKEEP_LAKE", str(place))
    monkeypatch.setenv("TRACEKEEP_STATE", str(tmp_path / "state"))
    commands.python("scripts/cluster.py", "start")
    try:
        for line in (PROJECT / ".cluster" / "env").read_text(encoding="utf-8").splitlines():
            for pair in line.removeprefix("export ").split():
                monkeypatch.setenv(*pair.split("=", 1))
        yield place
    finally:
        commands.python("scripts/cluster.py", "stop")
