"""Locks in one order (B7, B8): progress before license, for the functions and for raw SQL."""

from collections.abc import Callable
from functools import partial
from random import Random

import psycopg
import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    at_once,
    background,
    desyncs,
    level_up,
    levels,
    license,
    progress,
    refused,
    rows,
    update_level,
    value,
)
from tests.support import wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")

HOLD_PROGRESS = "select from lockstep.specialization_progress where student_id = 1 for no key update"
HOLD_LICENSE = "select from lockstep.user_licenses where user_id = 1 for no key update"

LICENSE_STATEMENTS = [
    "update lockstep.user_licenses set current_level = 5 where user_id = 1 returning id",
    "update lockstep.user_licenses set instructor_notes = 'a note' where user_id = 1 returning id",
    "update lockstep.user_licenses as license set current_level = 5 from (values (1)) as wanted (id)"
    " where license.user_id = wanted.id returning license.id",
    "select id from lockstep.user_licenses where user_id = 1 for update",
    "select id from lockstep.user_licenses where user_id = 1 for no key update",
    "insert into lockstep.user_licenses (user_id, specialization_type, current_level)"
    " values (1, 'PLAYER', 5) on conflict (user_id, specialization_type)"
    " do update set current_level = excluded.current_level returning id",
    "with gone as (merge into lockstep.user_licenses as license using (values (1)) as wanted (id)"
    " on license.user_id = wanted.id when matched then update set current_level = 5"
    " returning license.id) select * from gone",
    "delete from lockstep.user_licenses where user_id = 1 returning id",
]


@pytest.mark.parametrize("statement", LICENSE_STATEMENTS)
def test_raw_sql_on_a_license_waits_for_the_progress_row_before_it_locks_the_license(
    connection: Connection, connect: Connect, statement: str
) -> None:
    if "merge" in statement and connection.info.server_version < 170000:
        statement = statement.removeprefix("with gone as (").partition(" returning")[0]
    level_up(connection, 1, "PLAYER")
    holder, waiter, prober = connect(), connect("lockstep_legacy"), connect()
    holder.execute("begin")
    holder.execute(HOLD_PROGRESS.encode())
    with background(waiter, statement) as answer:
        wait_until_blocked(connection, waiter.info.backend_pid, holder.info.backend_pid)
        with prober.transaction():
            prober.execute(f"{HOLD_LICENSE} nowait".encode())
        holder.execute("commit")
        if statement.startswith("merge"):
            with pytest.raises(psycopg.ProgrammingError):  # no rows to fetch
                answer.result()
        else:
            assert answer.result()
    assert desyncs(connection) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "select * from lockstep.update_level(1, 'PLAYER', 5)",
        "select * from lockstep.level_up(1, 'PLAYER', 5)",
        "select * from lockstep.sync_records(1, 'PLAYER', 'license')",
        "insert into lockstep.license_progressions (user_id, user_license_id, to_level)"
        " select user_id, id, 1 from lockstep.user_licenses where user_id = 1 returning id",
    ],
)
def test_functions_and_remarks_wait_for_the_progress_row_before_they_lock_the_license(
    connection: Connection, connect: Connect, statement: str
) -> None:
    level_up(connection, 1, "PLAYER")
    role = "lockstep_legacy" if statement.startswith("insert") else "lockstep_app"
    holder, waiter, prober = connect(), connect(role), connect()
    holder.execute("begin")
    holder.execute(HOLD_PROGRESS.encode())
    with background(waiter, statement) as answer:
        wait_until_blocked(connection, waiter.info.backend_pid, holder.info.backend_pid)
        with prober.transaction():
            prober.execute(b"select from lockstep.user_licenses where user_id = 1 for update nowait")
        holder.execute("commit")
        assert answer.result()


@pytest.mark.parametrize(
    "statement",
    [
        "select * from lockstep.update_level(1, 'PLAYER', 5)",
        "select * from lockstep.level_up(1, 'PLAYER', 1000000, 1000)",
        "update lockstep.specialization_progress set current_level = 5 where student_id = 1 returning id",
    ],
)
def test_who_waits_for_the_license_holds_the_progress_row(
    connection: Connection, connect: Connect, statement: str
) -> None:
    level_up(connection, 1, "PLAYER")
    holder, waiter, prober = connect(), connect(), connect()
    holder.execute("begin")
    holder.execute(HOLD_LICENSE.encode())  # as a superuser: past the hook
    with background(waiter, statement) as answer:
        wait_until_blocked(connection, waiter.info.backend_pid, holder.info.backend_pid)
        with refused("55P03"):
            prober.execute(f"{HOLD_PROGRESS} nowait".encode())
        holder.execute("commit")
        assert answer.result()


@pytest.mark.parametrize(
    "statement",
    [
        "select * from lockstep.update_level(1, 'PLAYER', 6)",
        "select * from lockstep.level_up(1, 'PLAYER', 5)",
        "select * from lockstep.level_up(1, 'PLAYER', 1000000, 1000)",
    ],
)
def test_who_waited_dates_its_change_after_the_one_that_it_waited_for(
    connection: Connection, connect: Connect, statement: str
) -> None:
    level_up(connection, 1, "PLAYER")
    holder, waiter = connect(), connect("lockstep_app")
    holder.execute("begin")
    holder.execute(HOLD_PROGRESS.encode())
    with background(waiter, statement) as answer:
        wait_until_blocked(connection, waiter.info.backend_pid, holder.info.backend_pid)
        update_level(holder, 1, "PLAYER", 2)
        first = progress(holder).updated_at
        holder.execute("commit")
        assert answer.result()
    assert progress(connection).updated_at > first
    dates = "select advanced_at from lockstep.license_progressions where user_id = 1 order by id"
    dated = [row.advanced_at for row in rows(connection, dates)]
    assert dated == sorted(dated)
    assert dated[0] <= first


def test_an_award_that_reaches_no_level_waits_for_nobody_who_holds_the_license(
    connection: Connection, connect: Connect
) -> None:
    level_up(connection, 1, "PLAYER")
    holder, caller = connect(), connect("lockstep_app")
    holder.execute("begin")
    holder.execute(HOLD_LICENSE.encode())
    caller.execute("set lock_timeout = '1ms'")
    assert level_up(caller, 1, "PLAYER", 5).total_xp == 5
    holder.execute("rollback")


def test_a_raw_insert_of_a_license_waits_for_another_first_record_of_the_user(
    connection: Connection, connect: Connect
) -> None:
    for first_statement in (
        "insert into lockstep.specialization_progress (student_id, specialization_id) values (1, 'PLAYER')",
        "select lockstep.level_up(1, 'COACH', 5)",
    ):
        specialization = "PLAYER" if "PLAYER" in first_statement else "COACH"
        first, second = connect("lockstep_legacy"), connect("lockstep_legacy")
        if "level_up" in first_statement:
            first.execute("reset role")
        first.execute("begin")
        first.execute(first_statement.encode())
        insert = (
            "insert into lockstep.user_licenses (user_id, specialization_type, current_level)"
            f" values (1, '{specialization}', 3) on conflict (user_id, specialization_type)"
            " do update set current_level = excluded.current_level returning id"
        )
        with background(second, insert) as answer:
            wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
            first.execute("commit")
            assert len(answer.result()) == 1
        assert levels(connection, 1, specialization) == (3, 3)


FIRST_RECORDS = [
    ("lockstep_app", "select * from lockstep.level_up({user}, 'PLAYER', 1)"),
    ("lockstep_app", "select * from lockstep.update_level({user}, 'PLAYER', 3)"),
    (
        "lockstep_legacy",
        "insert into lockstep.specialization_progress (student_id, specialization_id, current_level)"
        " values ({user}, 'PLAYER', 2) on conflict (student_id, specialization_id)"
        " do update set current_level = excluded.current_level returning id",
    ),
    (
        "lockstep_legacy",
        "insert into lockstep.user_licenses (user_id, specialization_type, current_level)"
        " values ({user}, 'PLAYER', 4) on conflict (user_id, specialization_type)"
        " do update set current_level = excluded.current_level returning id",
    ),
]


@pytest.mark.parametrize(("role", "statement"), FIRST_RECORDS)
def test_where_there_is_no_progress_row_to_lock_the_users_row_stands_in_for_it(
    connection: Connection, connect: Connect, role: str, statement: str
) -> None:
    holder, waiter = connect(), connect(role)
    holder.execute("begin")
    holder.execute("select from lockstep.users where id = 1 for no key update")
    with background(waiter, statement.format(user=1)) as answer:
        wait_until_blocked(connection, waiter.info.backend_pid, holder.info.backend_pid)
        holder.execute("commit")
        assert len(answer.result()) == 1
    assert desyncs(connection) == 0


def test_first_records_of_every_kind_at_once_meet_no_deadlock(connection: Connection, connect: Connect) -> None:
    users = range(201, 231)
    add_users(connection, *users)

    def work(session: Connection, statement: str) -> None:
        for user in users:
            retried = 0
            while True:
                try:
                    rows(session, statement.format(user=user))
                except psycopg.errors.UniqueViolation:  # a racing UPSERT may get it: published, retry
                    retried += 1
                    assert retried < 10
                else:
                    break

    at_once([partial(work, connect(role), statement) for role, statement in FIRST_RECORDS * 2])
    assert value(connection, "select count(*) from lockstep.user_licenses where user_id > 200") == len(users)
    assert desyncs(connection) == 0


def test_a_raw_update_joins_the_end_of_the_queue_and_both_survive(connection: Connection, connect: Connect) -> None:
    update_level(connection, 1, "PLAYER", 2, 100)
    caller, legacy = connect("lockstep_app"), connect("lockstep_legacy")
    caller.execute("begin")
    update_level(caller, 1, "PLAYER", 4, 10)
    statement = "update lockstep.user_licenses set current_level = current_level + 1 returning current_level"
    with background(legacy, statement) as answer:
        wait_until_blocked(connection, legacy.info.backend_pid, caller.info.backend_pid)
        caller.execute("commit")
        assert answer.result() == [(5,)]
    assert levels(connection) == (5, 5)
    assert progress(connection).total_xp == 110


def test_reading_waits_for_nobody(connection: Connection, connect: Connect) -> None:
    update_level(connection, 1, "PLAYER", 2)
    writer, reader = connect(), connect("lockstep_legacy")
    reader.execute("set lock_timeout = '1ms'")
    with writer.transaction():
        update_level(writer, 1, "PLAYER", 3)
        assert len(rows(reader, "select * from lockstep.user_licenses")) == 1
        assert len(rows(reader, "select * from lockstep.desync")) == 0


def test_foreign_keys_of_other_tables_do_not_wait_for_a_coupled_update(
    connection: Connection, connect: Connect
) -> None:
    update_level(connection, 1, "PLAYER", 2)
    writer, other = connect(), connect()
    with writer.transaction():
        level_up(writer, 1, "PLAYER", 100)
        other.execute("set lock_timeout = '1ms'")
        other.execute("select from lockstep.users where id = 1 for key share")
        other.execute("select from lockstep.user_licenses where user_id = 1 for key share")


def test_a_superuser_passes_the_hook_and_still_cannot_desync(connection: Connection, connect: Connect) -> None:
    # Published: who is not under row security may deadlock, never desync.
    update_level(connection, 1, "PLAYER", 2)
    caller, root = connect(), connect()
    caller.execute("set deadlock_timeout = '100ms'")
    caller.execute("begin")
    caller.execute(HOLD_PROGRESS.encode())
    root.execute("set deadlock_timeout = '10min'")
    statement = "update lockstep.user_licenses set current_level = 5 returning id"
    with background(root, statement) as answer:
        wait_until_blocked(connection, root.info.backend_pid, caller.info.backend_pid)
        with refused("40P01"):
            update_level(caller, 1, "PLAYER", 3)
        caller.execute("rollback")
        assert answer.result()
    assert levels(connection) == (5, 5)


def test_hostile_writers_of_every_kind_on_hot_keys_meet_no_deadlock_and_no_desync(
    connection: Connection, connect: Connect
) -> None:
    users = range(101, 121)
    add_users(connection, *users)
    for user in users[:10]:  # the other ten pairs are made in the race
        level_up(connection, user, "PLAYER")
    calls = 60

    def raw_progress(session: Connection, random: Random) -> None:
        user, level = random.choice(users), random.randint(1, 8)
        statement = random.choice(
            [
                "update lockstep.specialization_progress set current_level = {level},"
                " total_xp = total_xp + 1 where student_id = {user}",
                "insert into lockstep.specialization_progress as progress"
                " (student_id, specialization_id, current_level) values ({user}, 'PLAYER', {level})"
                " on conflict (student_id, specialization_id)"
                " do update set current_level = excluded.current_level",
            ]
        )
        session.execute(statement.format(user=user, level=level).encode())

    def raw_license(session: Connection, random: Random) -> None:
        user, level = random.choice(users), random.randint(1, 8)
        if random.random() < 0.3:
            with session.transaction():
                session.execute(b"select id from lockstep.user_licenses where user_id = %s for update", [user])
                session.execute(
                    b"update lockstep.user_licenses set current_level = %s where user_id = %s",
                    [level, user],
                )
            return
        statement = random.choice(
            [
                "update lockstep.user_licenses set current_level = {level} where user_id = {user}",
                "insert into lockstep.user_licenses (user_id, specialization_type, current_level)"
                " values ({user}, 'PLAYER', {level}) on conflict (user_id, specialization_type)"
                " do update set current_level = excluded.current_level",
            ]
        )
        session.execute(statement.format(user=user, level=level).encode())

    def caller(session: Connection, random: Random) -> None:
        if random.random() < 0.5:
            update_level(session, random.choice(users), "PLAYER", random.randint(1, 8), 1)
        else:
            level_up(session, random.choice(users), "PLAYER", 1)

    def work(kind: Callable[[Connection, Random], None], role: str, seed: int) -> dict[str, int]:
        session, random = connect(role), Random(seed)
        errors: dict[str, int] = {}
        for _ in range(calls):
            try:
                kind(session, random)
            except psycopg.Error as error:
                errors[str(error.sqlstate)] = errors.get(str(error.sqlstate), 0) + 1
        return errors

    kinds = [(raw_progress, "lockstep_legacy"), (raw_license, "lockstep_legacy")]
    kinds.append((caller, "lockstep_app"))
    ended = at_once([partial(work, kind, role, seed) for seed, (kind, role) in enumerate(kinds * 4)])
    seen = {state for errors in ended for state in errors}
    assert seen <= {"23505"}, ended  # a racing UPSERT may get it: published, retry
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    assert value(connection, deadlocks) == 0
    assert desyncs(connection) == 0
    for user in users:
        if levels(connection, user) != (None, None):
            held = license(connection, user)
            last = value(
                connection,
                "select coalesce((select to_level from lockstep.license_progressions"
                " where user_id = %s order by id desc limit 1), 1)",
                user,
            )
            assert held.current_level == last
