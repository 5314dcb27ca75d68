"""One small Ray on this machine for all tests of the room: starting it takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from poise.cluster import ADDRESS_VARIABLE, Cluster, connect


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Return two processes with little memory, on the loopback interface."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(ADDRESS_VARIABLE, raising=False)
        # Ray lets others go first; beside other tests its processes would then hardly run at all.
        patch.setenv("RAY_worker_niceness", "0")
        with connect(processes=2, store_mb=80) as found:
            yield found
