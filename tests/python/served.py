"""The service over a lake, on a real socket."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.lake import project_variables
from tracekeep.serve.application import application


@contextmanager
def serving(lake: Path, token: str | None = None) -> Iterator[str]:
    """The address of the service, which ends with the context."""
    service = application(DeltaLake(lake), project_variables(), token)
    server = uvicorn.Server(uvicorn.Config(service, log_level="error"))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
