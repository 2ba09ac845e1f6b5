"""The server that the adversary may break."""

from collections.abc import Iterator

import pytest

from tests.guarantees.hostile import Hostile


@pytest.fixture(scope="session")
def hostile() -> Iterator[Hostile]:
    """The hostile server, started, with its template."""
    hostile = Hostile()
    try:
        hostile.start()
        yield hostile
    finally:
        hostile.remove()
