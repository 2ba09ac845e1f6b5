"""People who changed in the source since they came over: roles and addresses follow, but not over what changed here."""

from collections.abc import Callable

import pytest

from app.adoption.adopt import Result
from tests.adoption.conftest import Adopt
from tests.adoption.legacy import Manifest
from tests.adoption.test_adopt import counted, outcomes
from tests.pairs import Connection, one, rows, value

ADMIN, FIRST, SECOND, THIRD, FOURTH = 1, 31, 32, 33, 34


@pytest.fixture
def people(old: Connection, connection: Connection, school: Manifest, take: Adopt) -> Callable[[], Result]:
    """Five people who came over as they were; adopt again."""
    old.execute(
        "update public.users set name = 'P' || id, email = 'p' || id || '@school.example', role = 'student',"
        " is_active = true where id = any(%s)",
        [[FIRST, SECOND, THIRD, FOURTH]],
    )
    take()

    def again() -> Result:
        result = take()
        assert result.differences == []
        return result

    return again


def mail(connection: Connection, user: int) -> str:
    found: str = value(connection, "select email from lockstep.users where id = %s", user)
    return found


def ledger(connection: Connection, user: int) -> tuple[str, list[str]]:
    row = one(
        connection,
        "select outcome, reasons from lockstep.adopted_rows where table_name = 'users' and source_id = %s",
        str(user),
    )
    return row.outcome, row.reasons


def test_roles_and_addresses_that_changed_in_the_source_follow_and_are_said_before(
    old: Connection, connection: Connection, people: Callable[[], Result], take: Adopt
) -> None:
    old.execute("update public.users set role = 'Instructor', email = 'New@school.example' where id = %s", [FIRST])
    old.execute("update public.users set role = 'parent' where id = %s", [SECOND])
    old.execute("update public.users set email = null, name = 'Nameless' where id = %s", [THIRD])
    old.execute("update public.users set email = 'P34@School.example', is_active = false where id = %s", [FOURTH])
    connection.execute(
        "insert into lockstep.sessions (user_id, expires_at) select unnest(%s::bigint[]), 'infinity'", [[FIRST, FOURTH]]
    )
    dry = take(apply=False)
    assert counted(dry.plan, "users", "imported", "mail_changed") == 1
    assert counted(dry.plan, "users", "imported", "role_changed") == 1
    assert mail(connection, FIRST) == "p31@school.example"
    assert people().plan == dry.plan
    found = "select email, name, role, is_active from lockstep.users where id = any(%s) order by id"
    assert rows(connection, found, [FIRST, SECOND, THIRD, FOURTH]) == [
        ("New@school.example", "P31", "instructor", True),
        ("p32@school.example", "P32", "student", True),
        ("p33@school.example", "Nameless", "student", True),
        ("P34@School.example", "P34", "student", False),
    ]
    ended = "select user_id, end_reason from lockstep.sessions order by user_id"
    assert rows(connection, ended) == [(FIRST, None), (FOURTH, "deactivated")]
    assert {row["outcome"] for row in people().plan} == {"unchanged"}


def test_two_may_change_places_and_an_address_that_was_given_up_is_free_for_somebody_new(
    old: Connection, connection: Connection, people: Callable[[], Result]
) -> None:
    old.execute("update public.users set email = null where id = any(%s)", [[FIRST, SECOND, THIRD]])
    old.execute("update public.users set email = 'p32@school.example' where id = %s", [FIRST])
    old.execute("update public.users set email = 'p31@school.example' where id = %s", [SECOND])
    old.execute("update public.users set email = 'third@school.example' where id = %s", [THIRD])
    old.execute("insert into public.users (name, email, role) values ('Heir', 'P33@school.example', 'student')")
    people()
    assert [mail(connection, user) for user in (FIRST, SECOND, THIRD)] == [
        "p32@school.example",
        "p31@school.example",
        "third@school.example",
    ]
    heir = one(connection, "select id, name from lockstep.users where email = 'P33@school.example'")
    assert (heir.name, heir.id in (FIRST, SECOND, THIRD)) == ("Heir", False)
    assert {row["outcome"] for row in people().plan} == {"unchanged"}


def test_an_address_that_somebody_else_has_meanwhile_is_quarantined_until_it_is_free(
    old: Connection, connection: Connection, people: Callable[[], Result]
) -> None:
    # Somebody here has the address that the first wants; the second wants that of the first, and the heir that of
    # the second.
    connection.execute("insert into lockstep.users (id, email) values (90000, 'wanted@school.example')")
    old.execute("update public.users set email = 'wanted@school.example', name = 'Who waits' where id = %s", [FIRST])
    old.execute("update public.users set email = 'p31@school.example' where id = %s", [SECOND])
    heir = value(
        old,
        "insert into public.users (name, email, role) values ('Heir', 'p32@school.example', 'student') returning id",
    )
    old.execute(
        "insert into public.specialization_progress (student_id, specialization_id) values (%s, 'PLAYER')", [heir]
    )
    result = people()
    assert counted(result.plan, "users", "quarantined", "mail_taken_here") == 3
    assert counted(result.plan, "specialization_progress", "quarantined", "user_in_quarantine") == 1
    assert [mail(connection, user) for user in (FIRST, SECOND)] == ["p31@school.example", "p32@school.example"]
    assert value(connection, "select name from lockstep.users where id = %s", FIRST) == "P31"
    held = (
        "select source_id::integer from lockstep.adoption_quarantine where 'mail_taken_here' = any(reasons) order by 1"
    )
    assert [row.source_id for row in rows(connection, held)] == [FIRST, SECOND, heir]
    assert {row["outcome"] for row in people().plan} == {"unchanged"}

    connection.execute("update lockstep.users set email = 'free@here.example' where id = 90000")
    people()
    assert [mail(connection, user) for user in (FIRST, SECOND)] == ["wanted@school.example", "p31@school.example"]
    born = one(connection, "select id, name from lockstep.users where email = 'p32@school.example'")
    assert born.name == "Heir"
    pair = "select count(*) from lockstep.pairs where user_id = %s and specialization = 'PLAYER'"
    assert value(connection, pair, born.id) == 1
    assert {row["outcome"] for row in people().plan} == {"unchanged"}


def test_of_two_who_want_one_address_the_first_gets_it(
    old: Connection, connection: Connection, people: Callable[[], Result]
) -> None:
    old.execute("alter table public.users drop constraint users_email_key")
    old.execute("update public.users set email = 'one@school.example' where id = any(%s)", [[FIRST, SECOND]])
    people()
    assert [mail(connection, user) for user in (FIRST, SECOND)] == ["one@school.example", "p32@school.example"]
    assert ledger(connection, SECOND) == ("quarantined", ["mail_taken_here"])


def test_who_was_changed_here_since_stays_so_whatever_the_source_says(
    old: Connection, connection: Connection, people: Callable[[], Result]
) -> None:
    connection.execute("update lockstep.users set role = 'instructor' where id = %s", [FIRST])
    connection.execute("update lockstep.users set email = 'mine@here.example' where id = %s", [SECOND])
    old.execute(
        "update public.users set role = 'admin', email = 'there' || id || '@school.example' where id = any(%s)",
        [[FIRST, SECOND]],
    )
    result = people()
    assert counted(result.plan, "users", "conflict", "changed_here") == 2
    found = "select email, role from lockstep.users where id = any(%s) order by id"
    assert rows(connection, found, [FIRST, SECOND]) == [
        ("p31@school.example", "instructor"),
        ("mine@here.example", "student"),
    ]
    assert outcomes(connection)["users", "conflict"] == 2


def test_somebody_has_to_stay_admin(old: Connection, connection: Connection, people: Callable[[], Result]) -> None:
    assert value(connection, "select array_agg(id) from lockstep.users where role = 'admin'") == [ADMIN]
    old.execute("update public.users set role = 'student' where id = %s", [ADMIN])
    assert counted(people().plan, "users", "conflict", "last_admin") == 1
    assert value(connection, "select role from lockstep.users where id = %s", ADMIN) == "admin"
    # Unless somebody else is one.
    old.execute("update public.users set is_active = false where id = %s", [ADMIN])
    connection.execute("insert into lockstep.users (id, email, role) values (90000, 'admin@here.example', 'admin')")
    people()
    assert value(connection, "select role from lockstep.users where id = %s", ADMIN) == "student"


def test_a_second_row_of_a_person_stays_theirs_and_writes_over_nothing(
    old: Connection, connection: Connection, people: Callable[[], Result]
) -> None:
    again, person = one(
        connection,
        "select source_id::integer, user_id from lockstep.adopted_rows"
        " where table_name = 'users' and outcome = 'merged' order by 1 limit 1",
    )
    before = one(connection, "select * from lockstep.users where id = %s", person)
    old.execute("update public.users set name = 'Somebody else', email = 'else@school.example' where id = %s", [again])
    people()
    assert one(connection, "select * from lockstep.users where id = %s", person) == before
    assert ledger(connection, again) == ("merged", ["same_mail"])
