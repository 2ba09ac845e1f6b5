"""A school moves to another database: nothing lost, nothing written twice, whenever it is interrupted."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import db, move, schools
from app.loader import MigrationError
from app.migrator import Migrator
from app.schools import SchoolError
from tests.pairs import Connect, Connection, add_users, outcome, rows, value
from tests.support import wait_until_blocked

pytestmark = pytest.mark.once

BROKEN = "select kind || ' ' || name from lockstep.guard_status where status <> 'intact'"
ADD = "select lockstep.level_up(1, 'PLAYER', 10)"


def silent(_: str) -> None:
    """Say nothing."""


@pytest.fixture
def people(maple: Connection) -> Connection:
    """The second school, with two students and what they earned."""
    add_users(maple, 1, 2)
    maple.execute("select lockstep.update_level(1, 'PLAYER', 3), lockstep.update_level(2, 'COACH', 2)")
    maple.execute("select lockstep.enqueue_level_up(2, 'COACH', 10)")
    return maple


def go(database: str, elsewhere: str, pgbin: Path, **options: Any) -> dict[str, int]:
    moved = move.move(database, elsewhere, "maple", pgbin=pgbin, say=options.pop("say", silent), **options)
    return {one.table: one.rows for one in moved}


def test_a_school_moves_whole_and_the_old_one_takes_no_more_writes(
    database: str, elsewhere: str, pgbin: Path, people: Connection, connection: Connection
) -> None:
    rows_moved = go(database, elsewhere, pgbin)
    assert (rows_moved["users"], rows_moved["license_progressions"], rows_moved["queued_level_ups"]) == (2, 2, 1)

    (old,) = [one for one in schools.find(database) if one.name == "maple"]
    assert (old.closed or "").startswith("moved to ")
    for statement in (ADD, "delete from lockstep.queued_level_ups", "truncate lockstep.settings"):
        assert outcome(people, statement.replace("lockstep", "maple")) == "LS100"
    assert outcome(people, "set local session_replication_role = replica", "delete from maple.settings") == "LS100"
    assert value(people, "select current_level from lockstep.user_licenses where user_id = 1") == 3
    with pytest.raises(MigrationError):
        Migrator(database, schema="maple").load()

    with db.connect(elsewhere, "maple") as there:
        assert rows(there, BROKEN) == []
        assert value(there, "select bool_and(armed) from lockstep.coupled_key_triggers")
        assert value(there, "select (lockstep.level_up(1, 'PLAYER', 10)).progress_new_level") == 3
        there.execute("insert into lockstep.users (id, email, name) values (3, 'new@example.org', 'New')")
        assert [one.closed for one in schools.find(elsewhere)] == [None]
    # The school that stayed is as it was.
    assert rows(connection, BROKEN) == []
    add_users(connection, 1)
    assert outcome(connection, ADD) is None
    # Once more: nothing is left to do, and nothing is done.
    assert go(database, elsewhere, pgbin) == {}
    with db.connect(elsewhere, "maple") as there:
        assert value(there, "select count(*) from lockstep.users") == 3


@pytest.mark.usefixtures("roles_alone")
def test_the_old_one_goes_when_asked_to_and_an_upgrade_works_in_the_new_place(
    database: str, elsewhere: str, pgbin: Path, people: Connection
) -> None:
    people.close()
    go(database, elsewhere, pgbin, drop_old=True)
    assert schools.names(database) == ["lockstep"]
    migrator = Migrator(elsewhere, schema="maple")
    assert migrator.migrate() == []
    migrator.load()
    with db.connect(elsewhere, "maple") as there:
        assert rows(there, BROKEN) == []


def test_a_write_under_way_is_waited_for_and_one_that_comes_later_is_refused(
    database: str, elsewhere: str, pgbin: Path, people: Connection, connect: Connect
) -> None:
    late, seen = connect(), connect()
    with ThreadPoolExecutor(1) as pool:
        writes: list[Any] = []

        def say(message: str) -> None:
            if message.startswith("copying"):
                writes.append(pool.submit(outcome, late, ADD.replace("lockstep", "maple")))
                wait_until_blocked(seen, late.info.backend_pid)

        go(database, elsewhere, pgbin, say=say)
        assert [write.result() for write in writes] == ["LS100"]
    with db.connect(elsewhere, "maple") as there:
        assert value(there, "select sum(total_xp) from lockstep.specialization_progress") == 0


@pytest.mark.parametrize("step", ["_copy_roles", "compare", "_settle"])
def test_an_attempt_that_was_cut_off_is_made_good_by_the_next(
    database: str, elsewhere: str, pgbin: Path, people: Connection, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class CutOffError(Exception):
        pass

    def cut_off(*_: object) -> None:
        raise CutOffError

    with monkeypatch.context() as patch:
        patch.setattr(move, step, cut_off)
        with pytest.raises(CutOffError):
            go(database, elsewhere, pgbin)
    if step != "_settle":
        # The old one is as it was, and a copy that had arrived takes no writes.
        assert outcome(people, ADD.replace("lockstep", "maple")) is None
        add_users(people, 3)
    else:
        assert outcome(people, ADD.replace("lockstep", "maple")) == "LS100"
    if step != "_copy_roles":
        with db.connect(elsewhere, "maple") as there:
            assert outcome(there, ADD.replace("lockstep", "maple")) == "LS100"
    go(database, elsewhere, pgbin)
    with db.connect(elsewhere, "maple") as there:
        assert value(there, "select count(*) from lockstep.users") == (2 if step == "_settle" else 3)
        assert outcome(there, ADD.replace("lockstep", "maple")) is None
        assert rows(there, BROKEN) == []


def test_nothing_is_written_over(database: str, elsewhere: str, pgbin: Path, people: Connection) -> None:
    with psycopg.connect(elsewhere) as there:
        there.execute("create schema maple")
    for target in (elsewhere, database):
        with pytest.raises(SchoolError):
            go(database, target, pgbin)
    assert outcome(people, ADD.replace("lockstep", "maple")) is None


def test_a_table_that_differs_by_one_word_stops_the_move(
    database: str, elsewhere: str, pgbin: Path, people: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = move._copy

    def copy(*arguments: Any) -> None:
        real(*arguments)
        with psycopg.connect(elsewhere) as there:
            there.execute("set session_replication_role = replica")
            there.execute("alter table maple.users disable trigger refuse_closed")
            there.execute("update maple.users set name = 'Student 3' where id = 2")

    monkeypatch.setattr(move, "_copy", copy)
    with pytest.raises(SchoolError, match="users"):
        go(database, elsewhere, pgbin)
    assert outcome(people, ADD.replace("lockstep", "maple")) is None
