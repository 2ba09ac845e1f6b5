"""Users, and settings under which nothing waits for a clock."""

import pytest

from tests.pairs import Connection, add_users


@pytest.fixture
def people(connection: Connection) -> None:
    """Users 1 to 9, students without a record.

    What was refused is tried again at once, however slow the machine no entry is old and nobody's wait is too long:
    a test that is about one of these makes it short.
    """
    add_users(connection, *range(1, 10))
    for name, text in (("queue_retry_pause", "0"), ("queue_patience", "1 day"), ("lock_budget", "1 day")):
        connection.execute("select lockstep.change_setting(%s, %s)", [name, text])
