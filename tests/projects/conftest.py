"""People for the tests of projects."""

import pytest

from tests.pairs import Connection, add_users


@pytest.fixture
def people(connection: Connection) -> None:
    """Users 1 to 9, students."""
    add_users(connection, *range(1, 10))
    # They came with their ids; who is made after them gets the next.
    connection.execute("select setval(pg_get_serial_sequence('lockstep.users', 'id'), 1000)")
