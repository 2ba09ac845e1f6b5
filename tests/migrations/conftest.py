"""Users for the tests of what the migrations leave behind."""

import pytest

from tests.pairs import Connection, add_users


@pytest.fixture
def people(connection: Connection) -> None:
    """Users 1 to 9, students without a record."""
    add_users(connection, *range(1, 10))
