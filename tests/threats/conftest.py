"""Fixtures of the threats room: a server, a way to write files, and the real feeds."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from threats.loopback import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """Yield a server that runs in a thread."""
    served = Server()
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file, packed when its name ends in .gz."""

    def put(name: str, content: bytes | str | object) -> Path:
        data = content if isinstance(content, bytes) else None
        if data is None:
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return put


@pytest.fixture
def intel() -> Path:
    """Return the folder of real feeds beside the checkout, or skip."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "intel"
    if not folder.is_dir():
        pytest.skip("The real feeds are not beside this checkout.")
    return folder
