"""Accounts in SQL: who may change them, the last admin, whom somebody sees, deactivation, identities, groups."""

import random
from typing import Any

import psycopg
import pytest

from tests.pairs import Connect, Connection, at_once, background, call, refused, rows, value
from tests.support import wait_until_blocked

ADMIN, OTHER, IRIS, ANN = 101, 102, 103, 1
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g"

pytestmark = pytest.mark.usefixtures("people", "staff")


@pytest.fixture
def staff(connection: Connection, people: None) -> None:
    """Two admins and an instructor; who is made by a function comes after them."""
    connection.execute("select setval(pg_get_serial_sequence('lockstep.users', 'id'), 1000, false)")
    connection.execute(
        "insert into lockstep.users (id, email, name, role) values"
        " (101, 'admin@example.org', 'Admin', 'admin'), (102, 'other@example.org', 'Other', 'admin'),"
        " (103, 'iris@example.org', 'Iris', 'instructor')"
    )


def open_session(connection: Connection, user: int, address: str | None = None) -> str:
    found = value(
        connection,
        "insert into lockstep.sessions (user_id, expires_at, address) values (%s, now() + interval '1 day', %s)"
        " returning id",
        user,
        address,
    )
    return str(found)


def admins(connection: Connection) -> list[int]:
    return [
        row.id
        for row in rows(connection, "select id from lockstep.users where role = 'admin' and is_active order by id")
    ]


# Making and changing --------------------------------------------------------------------------


def test_an_account_is_made_with_a_password_or_without(connection: Connection) -> None:
    plain = call(connection, "create_user", ADMIN, "New@Example.org", "New")
    assert (plain.email, plain.name, plain.role, plain.is_active) == ("New@Example.org", "New", "student", True)
    assert (plain.group_names, plain.is_erased) == ([], False)
    signed = call(connection, "create_user", ADMIN, "n2@example.org", "New", "instructor", HASH)
    assert rows(connection, "select user_id, password_hash from lockstep.credentials") == [(signed.id, HASH)]


@pytest.mark.parametrize(
    "email", [None, "", "nobody", "a b@example.org", "@x", "erased-7@ERASED.invalid", "a@" + "b" * 253]
)
def test_what_is_no_address_is_refused(connection: Connection, email: str | None) -> None:
    with refused("LS006"):
        call(connection, "create_user", ADMIN, email, "New")


def test_an_address_that_is_taken_in_whatever_case_is_refused_and_changes_nothing(connection: Connection) -> None:
    with refused("LS042"):
        call(connection, "create_user", ADMIN, "IRIS@example.org", "Iris 2")
    with refused("LS042"):
        call(connection, "change_user", ADMIN, ANN, email="Iris@Example.org")
    assert value(connection, "select email from lockstep.users where id = 1") == "student1@example.org"
    assert call(connection, "change_user", ADMIN, IRIS, email="IRIS@example.org").email == "IRIS@example.org"


def test_of_many_who_make_the_same_account_at_once_one_does(connection: Connection, connect: Connect) -> None:
    sessions = [connect() for _ in range(12)]

    def make(session: Connection) -> str | None:
        try:
            call(session, "create_user", ADMIN, "same@example.org", "Same")
        except psycopg.Error as error:
            return error.sqlstate
        return None

    outcomes = at_once([lambda session=session: make(session) for session in sessions])  # type: ignore[misc]
    assert sorted(outcomes, key=str) == ["LS042"] * 11 + [None]
    assert value(connection, "select count(*) from lockstep.users where email = 'same@example.org'") == 1


def test_who_makes_an_account_waits_for_another_who_takes_the_address(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    call(first, "create_user", ADMIN, "same@example.org", "First")
    with background(second, "select lockstep.create_user(101, 'Same@example.org', 'Second')") as waiting:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("LS042"):
            waiting.result()


def test_only_an_active_admin_changes_accounts(connection: Connection) -> None:
    connection.execute("update lockstep.users set is_active = false where id = 102")
    for actor in (ANN, IRIS, OTHER, 999, None):
        for function, *arguments in (
            ("create_user", "x@example.org", "X"),
            ("change_user", ANN),
            ("deactivate_user", ANN),
            ("reactivate_user", ANN),
            ("export_user", ANN),
            ("erase_user", ANN),
            ("link_identity", ANN, "i", "s"),
            ("unlink_identity", ANN, "i", "s"),
            ("create_group", "Red"),
            ("rename_group", 1, "Red"),
            ("delete_group", 1),
            ("add_member", 1, ANN),
            ("remove_member", 1, ANN),
        ):
            with refused("LS031"):
                call(connection, function, actor, *arguments)


def test_what_is_left_out_of_a_change_stays_and_nothing_changed_touches_nothing(connection: Connection) -> None:
    before = value(connection, "select updated_at from lockstep.users where id = 1")
    assert call(connection, "change_user", ADMIN, ANN).updated_at == before
    changed = call(connection, "change_user", ADMIN, ANN, name="Ann")
    assert (changed.name, changed.email, changed.role) == ("Ann", "student1@example.org", "student")
    assert changed.updated_at > before
    with refused("23514"):
        call(connection, "change_user", ADMIN, ANN, role="king")
    with refused("LS001"):
        call(connection, "change_user", ADMIN, 999, name="X")


# The last admin -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "leave",
    [
        "select lockstep.change_user({actor}, {user}, p_role => 'student')",
        "select lockstep.deactivate_user({actor}, {user})",
        "select lockstep.erase_user({actor}, {user})",
    ],
)
def test_the_last_active_admin_stays(connection: Connection, connect: Connect, leave: str) -> None:
    # Two who remove each other at once: the second waits, and is no admin any more.
    first, second = connect(), connect()
    first.execute("begin")
    first.execute(leave.format(actor=ADMIN, user=OTHER).encode())
    with background(second, leave.format(actor=OTHER, user=ADMIN)) as waiting:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("LS031"):
            waiting.result()
    assert admins(connection) == [ADMIN]
    # Themselves, alone.
    with refused("LS041"):
        first.execute(leave.format(actor=ADMIN, user=ADMIN).encode())
    # Any change of another kind is nobody's loss.
    call(connection, "change_user", ADMIN, ADMIN, name="Root", role="admin")
    assert admins(connection) == [ADMIN]


def test_two_admins_who_leave_at_once_leave_one(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    call(first, "deactivate_user", ADMIN, ADMIN)
    with background(second, "select lockstep.change_user(102, 102, p_role => 'student')") as waiting:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("LS041"):
            waiting.result()
    assert admins(connection) == [OTHER]


def test_under_repeatable_read_the_second_is_told_to_retry(connection: Connection, connect: Connect) -> None:
    second = connect()
    with refused("40001"), second.transaction():
        second.execute("set transaction isolation level repeatable read")
        value(second, "select count(*) from lockstep.users")
        call(connection, "deactivate_user", ADMIN, OTHER)
        call(second, "deactivate_user", OTHER, ADMIN)
    assert admins(connection) == [ADMIN]


def test_who_is_no_admin_leaves_without_waiting_for_admins(connection: Connection, connect: Connect) -> None:
    holder = connect()
    with holder.transaction():
        holder.execute("select from lockstep.users where role = 'admin' for no key update")
        with connection.transaction():
            connection.execute("set local lock_timeout = '1s'")
            assert call(connection, "deactivate_user", ADMIN, ANN).is_active is False


def test_who_became_an_admin_meanwhile_is_told_to_retry(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    call(first, "change_user", ADMIN, ANN, role="admin")
    with background(second, "select lockstep.deactivate_user(102, 1)") as waiting:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("40001"):
            waiting.result()
    assert admins(connection) == [ANN, ADMIN, OTHER]


# Deactivation ---------------------------------------------------------------------------------


def test_a_deactivation_ends_every_session_and_a_reactivation_brings_none_back(connection: Connection) -> None:
    session = open_session(connection, ANN)
    authenticate = "select (lockstep.authenticate(1, %s, '{student}')).id"
    assert value(connection, authenticate, session) == ANN
    assert call(connection, "deactivate_user", ADMIN, ANN).is_active is False
    assert rows(connection, "select end_reason from lockstep.sessions where ended_at is not null") == [("deactivated",)]
    # One that a racing sign-in left open.
    late = open_session(connection, ANN)
    assert call(connection, "reactivate_user", ADMIN, ANN).is_active is True
    for known in (session, late):
        with refused("LS030"):
            value(connection, authenticate, known)
    assert value(connection, authenticate, open_session(connection, ANN)) == ANN
    # Again changes nothing: whoever is active keeps their sessions.
    call(connection, "reactivate_user", ADMIN, ANN)
    assert value(connection, "select count(*) from lockstep.sessions where ended_at is null") == 1


# Who sees whom --------------------------------------------------------------------------------


def people_seen(connection: Connection, actor: int, **options: object) -> list[int]:
    marks = "".join(f", p_{name} => %s" for name in options)
    query = f"select id from lockstep.list_users(%s{marks})"
    return [row.id for row in rows(connection, query, actor, *options.values())]


def test_the_list_shows_exactly_whom_the_one_rule_lets_see(connection: Connection) -> None:
    chosen = random.Random(7)
    connection.execute(
        "insert into lockstep.users (id, email, role, is_active)"
        " select n, n || '@x.org', (array['student', 'student', 'instructor', 'admin'])[1 + n % 4], n % 7 <> 0"
        " from generate_series(200, 280) as n"
    )
    for group in range(6):
        name = f"Group {group}"
        for user in chosen.sample(range(200, 281), 9):
            connection.execute(
                "insert into lockstep.group_members (user_id, group_id) values (%s, lockstep.get_or_create_group(%s))",
                [user, name],
            )
    call(connection, "erase_user", ADMIN, 200)
    for actor in range(200, 281):
        due = rows(connection, "select id from lockstep.users where lockstep.may_see(%s, id) order by id", actor)
        assert people_seen(connection, actor, limit=1000) == [row.id for row in due], actor
        pages, after = [], None
        while page := people_seen(connection, actor, after_id=after, limit=7):
            pages += page
            after = page[-1]
        assert pages == [row.id for row in due]


def test_the_list_is_filtered_by_role_group_state_and_prefix(connection: Connection) -> None:
    group = call(connection, "create_group", ADMIN, "Red").id
    call(connection, "add_member", ADMIN, group, ANN)
    call(connection, "change_user", ADMIN, 2, name="Zoë_100%")
    call(connection, "deactivate_user", ADMIN, 3)
    assert people_seen(connection, ADMIN, role="instructor") == [IRIS]
    assert people_seen(connection, ADMIN, group_id=group) == [ANN]
    assert people_seen(connection, ADMIN, is_active=False) == [3]
    assert people_seen(connection, ADMIN, search="ZOË") == [2]
    assert people_seen(connection, ADMIN, search="student1@") == [1]
    assert people_seen(connection, ADMIN, search="%") == people_seen(connection, ADMIN, search="tudent") == []
    assert people_seen(connection, IRIS, role="student") == [2, 3, 4, 5, 6, 7, 8, 9]
    with refused("LS045"):
        people_seen(connection, IRIS, group_id=group)
    with refused("LS045"):
        people_seen(connection, ADMIN, group_id=999)


# Blocks of 8 kB: all that there is of these people is half as many, and is not read again for each of them.
BLOCKS = 5_000


@pytest.mark.slow
def test_a_page_of_the_list_of_a_hundred_thousand_people_reads_none_of_them_twice(connection: Connection) -> None:
    connection.execute(
        "insert into lockstep.users (id, email, name) select n, n || '@x.org', 'Student ' || n"
        " from generate_series(1000, 101000) as n"
    )
    connection.execute("insert into lockstep.groups (name) select 'Group ' || n from generate_series(1, 2000) as n")
    # Everybody is in a group, and Iris sees thirty of them, the last ones: the worst that can be.
    connection.execute(
        "insert into lockstep.group_members (user_id, group_id)"
        " select n, 1 + (n - 1000) / 51 from generate_series(1000, 101000) as n"
        " union all select 103, 1961"
    )
    connection.execute("analyze")
    for actor, options in (
        (IRIS, {"role": "student"}),
        (ADMIN, {}),
        (ADMIN, {"after_id": 90_000}),
        (ADMIN, {"search": "student 100"}),
        (ADMIN, {"search": "nobody"}),
        (IRIS, {"search": "nobody"}),
    ):
        marks = "".join(f", p_{name} => %s" for name in options)
        look = f"explain (analyze, buffers, format json) select id from lockstep.list_users(%s{marks})"
        read = []
        for _ in range(7):  # from the sixth on a plan for any value
            plan = value(connection, look, actor, *options.values())[0]["Plan"]
            read.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        assert max(read[-2:]) < BLOCKS, (actor, options, read)


# Identities -----------------------------------------------------------------------------------


def test_an_identity_is_one_persons_and_again_changes_nothing(connection: Connection) -> None:
    for _ in range(2):
        linked = call(connection, "link_identity", ADMIN, ANN, "https://idp", "s1")
        assert (linked.user_id, linked.issuer, linked.subject) == (ANN, "https://idp", "s1")
    with refused("LS044"):
        call(connection, "link_identity", ADMIN, 2, "https://idp", "s1")
    assert rows(connection, "select * from lockstep.unlink_identity(101, 2, 'https://idp', 's1')") == []
    assert value(connection, "select user_id from lockstep.identities") == ANN
    assert rows(connection, "select * from lockstep.unlink_identity(101, 1, 'https://idp', 's1')") == []
    assert value(connection, "select count(*) from lockstep.identities") == 0


def test_who_links_an_identity_waits_for_another_who_does(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    call(first, "link_identity", ADMIN, ANN, "https://idp", "s1")
    with background(second, "select lockstep.link_identity(101, 2, 'https://idp', 's1')") as waiting:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        with refused("LS044"):
            waiting.result()


# Groups ---------------------------------------------------------------------------------------


def test_of_many_who_make_a_group_at_once_all_get_the_one(connection: Connection, connect: Connect) -> None:
    sessions = [connect() for _ in range(12)]
    made = at_once([lambda session=session: call(session, "create_group", ADMIN, "Red") for session in sessions])  # type: ignore[misc]
    assert len({group.id for group in made}) == 1
    assert value(connection, "select count(*) from lockstep.groups") == 1


def test_whom_an_admin_puts_in_the_provider_does_not_take_out(connection: Connection) -> None:
    group = call(connection, "create_group", ADMIN, "Red").id
    connection.execute("insert into lockstep.group_members values (1, %s, 'claim')", [group])
    added = call(connection, "add_member", ADMIN, group, ANN)
    assert (added.user_id, added.group_id, added.source) == (ANN, group, "manual")
    assert call(connection, "read_group", ADMIN, group).members == 1
    call(connection, "remove_member", ADMIN, group, ANN)
    call(connection, "remove_member", ADMIN, group, ANN)
    assert call(connection, "read_group", ADMIN, group).members == 0


def test_a_group_is_renamed_and_deleted_and_its_people_stay(connection: Connection) -> None:
    red, blue = (call(connection, "create_group", ADMIN, name).id for name in ("Red", "Blue"))
    call(connection, "add_member", ADMIN, red, ANN)
    assert call(connection, "rename_group", ADMIN, red, "Rot").name == "Rot"
    with refused("23505"):
        call(connection, "rename_group", ADMIN, red, "Blue")
    with refused("23514"):
        call(connection, "rename_group", ADMIN, red, "")
    call(connection, "delete_group", ADMIN, red)
    for function in ("read_group", "delete_group", "list_members"):
        with refused("LS045"):
            rows(connection, f"select * from lockstep.{function}(101, %s)", red)
    with refused("LS045"):
        call(connection, "add_member", ADMIN, red, ANN)
    assert call(connection, "read_user", ADMIN, ANN).group_names == []
    assert call(connection, "read_group", ADMIN, blue).id == blue


def test_an_instructor_sees_their_groups_and_the_students_in_them(connection: Connection) -> None:
    red, blue = (call(connection, "create_group", ADMIN, name).id for name in ("Red", "Blue"))
    for group, *members in ((red, IRIS, OTHER, 1, 2), (blue, 2, 3)):
        for member in members:
            call(connection, "add_member", ADMIN, group, member)

    def listed(function: str, *arguments: object) -> list[Any]:
        marks = ", ".join(["%s"] * len(arguments))
        return rows(connection, f"select * from lockstep.{function}({marks})", *arguments)

    assert [group.name for group in listed("list_groups", IRIS)] == ["Red"]
    assert [group.name for group in listed("list_groups", ADMIN)] == ["Red", "Blue"]
    assert [group.name for group in listed("list_groups", ADMIN, red)] == ["Blue"]
    assert [member.user_id for member in listed("list_members", IRIS, red)] == [1, 2, IRIS]
    assert [member.user_id for member in listed("list_members", ADMIN, red, 1, 2)] == [2, OTHER]
    for function in ("read_group", "list_members"):
        with refused("LS045"):
            listed(function, IRIS, blue)
