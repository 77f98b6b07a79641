"""Kafka topics into Bronze from a real broker: all formats, each message once, also after kills."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import commands
import oddities
import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable
from reading import TIME

from tracekeep.lake import PROJECT

MESSAGES = 60_000


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a broker that ends with the tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("kafka")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a script of the project
            [PROJECT / "scripts" / "kafka_broker.sh", folder, str(port)],
            stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 300
            while time.monotonic() < deadline and process.poll() is None:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(1)
            yield f"127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def produce(broker: str, topic: str, messages: list[str]) -> None:
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 50})
    for message in messages:
        producer.produce(topic, message.encode())
        producer.poll(0)
    assert producer.flush(60) == 0


def test_messages_of_all_kinds_are_read_once(broker: str, lake: Path) -> None:
    span = oddities.span("ab" * 16, "cd" * 8)
    zipkin = json.dumps({"traceId": "ab", "id": "cd", "timestamp": 1_768_212_000_000_000})
    cri = f"{TIME} stdout F ERROR from a pod"
    produce(broker, "telemetry", [span, zipkin, cri, "{torn"])
    produce(broker, "changes", [json.dumps({"kind": "Event", "metadata": {"uid": "1"},
            "involvedObject": {"kind": "Deployment"}, "eventTime": TIME})])  # fmt: skip
    command = ("ingest", "--kafka", broker, "--topics", "telemetry,changes")
    books = commands.books_of(*command, "--region", "eu")
    assert {name: books[name] for name in ("spans", "log_records", "changes", "rejected")} == {
        "spans": 2, "log_records": 1, "changes": 1, "rejected": 1,
    }  # fmt: skip
    assert commands.books_of(*command)["read"] == 0
    produce(broker, "telemetry", [span])
    assert commands.books_of(*command)["spans"] == 1


def test_kills_lose_and_double_nothing(broker: str, lake: Path) -> None:
    bodies = [
        json.dumps({"ts": TIME, "msg": f"message {number}", "level": "info"})
        for number in range(MESSAGES)
    ]
    produce(broker, "many", bodies)
    command = ("ingest", "--kafka", broker, "--topics", "many")
    chance = random.Random(3)
    for _ in range(3):
        process = commands.start(*command)
        time.sleep(chance.uniform(12, 40))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    commands.books_of(*command)
    table = DeltaTable(str(lake / "bronze" / "log_records")).to_pyarrow_table(columns=["body"])
    counts = Counter(table["body"].to_pylist())
    assert counts == Counter(f"message {number}" for number in range(MESSAGES))
