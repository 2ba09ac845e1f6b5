"""license_progressions (A10): one append-only row for every committed level change, however it came."""

import pytest

from tests.cluster import on_cluster
from tests.pairs import (
    Connect,
    Connection,
    add_users,
    call,
    history,
    level_up,
    levels,
    license,
    one,
    plant,
    refused,
    rows,
    update_level,
    value,
)

pytestmark = pytest.mark.usefixtures("people")

HISTORY = "lockstep.license_progressions"


def test_a_row_says_from_to_who_why_when_and_in_which_transaction(connection: Connection, connect: Connect) -> None:
    session = connect("lockstep_app", application_name="school-app")
    update_level(session, 1, "PLAYER", 2)
    with session.transaction():
        xid = value(session, "select pg_current_xact_id()::text")
        started = value(session, "select now()")
        update_level(session, 1, "PLAYER", 4, advanced_by=2, reason="exam passed")
    row = rows(connection, f"select *, transaction_id::text as xid from {HISTORY} order by id")[-1]
    assert (row.user_id, row.user_license_id) == (1, license(connection).id)
    assert (row.from_level, row.to_level, row.progress_from_level) == (2, 4, None)
    assert (row.advanced_by, row.advancement_reason) == (2, "exam passed")
    assert (row.database_role, row.application_name) == ("lockstep_app", "school-app")
    assert row.route == "function"
    assert row.requirements_met is None
    assert row.xid == xid
    assert row.advanced_at >= started


@pytest.mark.parametrize("role", ["lockstep_legacy", "lockstep_owner"])
@pytest.mark.parametrize("table", ["specialization_progress", "user_licenses"])
def test_a_raw_change_says_which_role_and_application_it_was(
    connection: Connection, connect: Connect, table: str, role: str
) -> None:
    level_up(connection, 1, "PLAYER")
    session = connect(role, application_name="old-app")
    session.execute(f"update lockstep.{table} set current_level = 3".encode())
    row = one(connection, f"select * from {HISTORY}")
    assert (row.from_level, row.to_level, row.route) == (1, 3, "raw_sql")
    assert (row.database_role, row.application_name) == (role, "old-app")
    assert row.advanced_by is None


def test_a_login_without_a_set_role_is_named_too(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    row = one(connection, f"select database_role, session_user from {HISTORY}")
    assert row.database_role == row.session_user


def test_a_repair_is_told_apart(connection: Connection) -> None:
    plant(connection, 5, 3)
    call(connection, "sync_records", 1, "PLAYER", "license", 2)
    assert history(connection) == [(5, 3, "repair")]


@pytest.mark.parametrize(
    "make",
    [
        "select lockstep.level_up({user}, 'PLAYER')",
        "select lockstep.update_level({user}, 'PLAYER', {level})",
        "insert into lockstep.specialization_progress (student_id, specialization_id, current_level)"
        " values ({user}, 'PLAYER', {level})",
        "insert into lockstep.user_licenses (user_id, specialization_type, current_level)"
        " values ({user}, 'PLAYER', {level})",
    ],
)
def test_a_pair_made_at_level_one_writes_no_row_and_a_higher_one_writes_one_from_null(
    connection: Connection, make: str
) -> None:
    connection.execute(make.format(user=1, level=1).encode())
    assert levels(connection) == (1, 1)
    assert history(connection) == []
    if "{level}" in make:
        connection.execute(make.format(user=2, level=4).encode())
        assert [change[:2] for change in history(connection, 2)] == [(None, 4)]


def test_nothing_is_left_after_a_rollback(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER")
    with connection.transaction(force_rollback=True):
        update_level(connection, 1, "PLAYER", 3)
        connection.execute("update lockstep.user_licenses set current_level = 4")
        connection.execute("update lockstep.specialization_progress set current_level = 5")
        assert len(history(connection)) == 3
    assert history(connection) == []


def test_a_refused_call_leaves_none(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER")
    with refused("LS004"):
        update_level(connection, 1, "PLAYER", 3, -1)
    assert history(connection) == []


@pytest.mark.parametrize("role", [None, "lockstep_owner", "lockstep_legacy", "lockstep_coupler"])
def test_history_cannot_be_changed_deleted_or_truncated(
    connection: Connection, connect: Connect, role: str | None
) -> None:
    update_level(connection, 1, "PLAYER", 3)
    before = rows(connection, f"select * from {HISTORY}")
    session = connect(role)
    for statement in (
        f"update {HISTORY} set to_level = 5",
        f"update {HISTORY} set id = id",
        f"delete from {HISTORY}",
        f"truncate {HISTORY}",
        f"truncate {HISTORY} cascade",
        f"merge into {HISTORY} as h using (values (1)) as x (i) on true when matched then delete",
        "delete from lockstep.users where id = 1",
    ):
        with refused("LS010", "LS013", "42501", "23001", "23503", *on_cluster("XX000")):
            session.execute(statement.encode())
    assert rows(connection, f"select * from {HISTORY}") == before


def test_a_row_that_a_client_inserts_is_a_remark_with_the_user_filled_in(
    connection: Connection, connect: Connect
) -> None:
    update_level(connection, 3, "PLAYER", 2)
    legacy = connect("lockstep_legacy", application_name="old-app")
    legacy.execute(
        f"insert into {HISTORY} (user_license_id, from_level, to_level, advanced_by,"
        " advancement_reason, requirements_met) values (%s, 1, 2, 4, 'remark', 'all')".encode(),
        [license(connection, 3).id],
    )
    row = rows(connection, f"select * from {HISTORY} order by id")[-1]
    assert (row.route, row.user_id, row.advanced_by) == ("client", 3, 4)
    assert (row.from_level, row.to_level, row.advancement_reason) == (1, 2, "remark")
    assert (row.database_role, row.application_name) == ("lockstep_legacy", "old-app")
    assert row.requirements_met == "all"
    counted = f"select count(*) from {HISTORY} where route <> 'client'"
    assert value(connection, counted) == 1


@pytest.mark.parametrize("role", [None, "lockstep_owner", "lockstep_legacy"])
def test_a_client_cannot_pass_its_remark_off_as_a_change(
    connection: Connection, connect: Connect, role: str | None
) -> None:
    update_level(connection, 1, "PLAYER", 2)
    connect(role).execute(
        f"insert into {HISTORY} (user_id, user_license_id, from_level, to_level, route,"
        " database_role, application_name, transaction_id, progress_from_level)"
        " values (7, %s, 2, 8, 'function', 'somebody', 'something', '3', 2)".encode(),
        [license(connection).id],
    )
    row = rows(connection, f"select *, session_user from {HISTORY} order by id")[-1]
    assert (row.route, row.user_id, row.progress_from_level) == ("client", 1, None)
    assert row.database_role == (role or row.session_user)
    assert row.application_name != "something"
    assert row.transaction_id != "3"


def test_a_remark_on_a_license_that_does_not_exist_is_refused(connection: Connection, connect: Connect) -> None:
    with refused("23502", "23503"):
        connect("lockstep_legacy").execute(
            f"insert into {HISTORY} (user_license_id, to_level) values (12345, 2)".encode()
        )


def test_a_remark_keeps_a_pair_from_being_deleted(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER")
    connection.execute(
        f"insert into {HISTORY} (user_id, user_license_id, to_level)"
        " select user_id, id, 1 from lockstep.user_licenses".encode()
    )
    with refused("LS008"):
        connection.execute("delete from lockstep.user_licenses")


def test_what_is_written_under_the_replica_role_leaves_none(connection: Connection) -> None:
    level_up(connection, 1, "PLAYER")
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute("update lockstep.specialization_progress set current_level = 3")
        connection.execute("update lockstep.user_licenses set current_level = 3, max_achieved_level = 3")
    assert levels(connection) == (3, 3)
    assert history(connection) == []


def test_somebody_who_changed_a_level_cannot_be_deleted(connection: Connection) -> None:
    add_users(connection, 50)
    update_level(connection, 1, "PLAYER", 2, advanced_by=50)
    with refused("23001", "23503"):
        connection.execute("delete from lockstep.users where id = 50")


def test_every_change_of_a_busy_pair_follows_on_the_one_before(connection: Connection) -> None:
    wanted = [3, 1, 8, 8, 2, 5, 5, 4, 6, 1]
    for n, level in enumerate(wanted):
        match n % 3:
            case 0:
                update_level(connection, 1, "PLAYER", level)
            case 1:
                connection.execute(b"update lockstep.user_licenses set current_level = %s", [level])
            case _:
                connection.execute(b"update lockstep.specialization_progress set current_level = %s", [level])
    seen = history(connection)
    assert [change[1] for change in seen] == [3, 1, 8, 2, 5, 4, 6, 1]
    assert [change[0] for change in seen] == [None, 3, 1, 8, 2, 5, 4, 6]
    assert license(connection).max_achieved_level == 8
