"""Users, and settings under which nothing waits for a clock."""

import pytest

from tests.pairs import Connection, add_users


@pytest.fixture
def people(connection: Connection) -> None:
    """Users 1 to 9, students without a record; what was refused is tried again at once."""
    add_users(connection, *range(1, 10))
    connection.execute("select lockstep.change_setting('queue_retry_pause', '0')")
