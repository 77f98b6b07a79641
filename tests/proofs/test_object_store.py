"""A lake in an object store, of a real S3-compatible server: the same rows as on disk."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import commands
import lakes
import pytest

from tracekeep.lake import PROJECT

Environment = dict[str, str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
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


def test_same_rows_as_on_disk(
    store: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from upath import UPath

    from tracekeep.generator import generate

    for name, value in store.items():
        monkeypatch.setenv(name, value)
    generate(tmp_path / "day", events=3_000, seed=1)
    generate(tmp_path / "next", events=1_000, seed=2)
    on_disk = tmp_path / "lake"
    in_store = UPath("s3a://lake/one", use_listings_cache=False)
    places = {
        on_disk: {"TRACEKEEP_LAKE": str(on_disk)},
        in_store: {"TRACEKEEP_LAKE": str(in_store), "TRACEKEEP_STATE": str(tmp_path / "state")},
    }

    def told(lake: Path | UPath, *arguments: object) -> str:
        code, out, err = commands.finish(commands.start(*arguments, **places[lake]))
        assert code == 0, err
        return out

    for day in ("day", "next"):
        for lake in places:
            told(lake, "run", tmp_path / day)
        expected, actual = lakes.snapshot(on_disk), lakes.snapshot(in_store)
        assert expected["silver.spans"].total() > 500
        lakes.assert_same_rows(expected, actual)
    started = time.monotonic()
    assert "silver" in told(in_store, "run", tmp_path / "next")
    print(f"run with nothing new: {time.monotonic() - started:.1f} s")
    for arguments in (("tables", "--json"), ("incident", "--json")):
        here, there = (json.loads(told(lake, *arguments)) for lake in places)
        assert len(here) == len(there), arguments
    told(in_store, "expire", "--now", "2024-02-01")
    trace = next(row["trace_id"] for row in _rows(in_store, "gold.error_events"))
    assert "nothing of it is left" in told(in_store, "erase", "--trace", trace)
    assert trace not in {row["trace_id"] for row in _rows(in_store, "gold.error_events")}


def _rows(lake: Path, table: str) -> list[dict[str, object]]:
    return [json.loads(row) for row in lakes.row_texts(lake, table)]
