"""Export and erasure (F8): all that is held comes out; nothing that names somebody stays, and every figure does."""

import json
from typing import Any

import pytest

from tests.pairs import Connect, Connection, add_users, background, call, desyncs, one, outcome, refused, rows, value
from tests.personal import ADMIN, ANN, BOB, WORDS, dump, fill, user_columns
from tests.support import wait_until_blocked

HISTORY = "lockstep.license_progressions"
EVERYBODY = (None, "lockstep_owner", "lockstep_coupler", "lockstep_legacy", "lockstep_admin", "lockstep_app")


@pytest.fixture(autouse=True)
def held(connection: Connection) -> None:
    """An admin, and people of whom much is held."""
    add_users(connection, *range(1, 10))
    connection.execute(
        "insert into lockstep.users (id, email, name, role) values (101, 'admin@example.org', 'Admin', 'admin')"
    )
    fill(connection)


def erase(connection: Connection, user: int = ANN, reason: str = "asked by letter") -> Any:
    return call(connection, "erase_user", ADMIN, user, reason)


def figures(connection: Connection) -> list[Any]:
    """Everything of the records but words and addresses."""
    return [
        rows(connection, "select * from lockstep.specialization_progress order by id"),
        rows(connection, "select to_jsonb(l) - 'instructor_notes' from lockstep.user_licenses as l order by id"),
        rows(
            connection,
            "select id, user_id, user_license_id, from_level, progress_from_level, to_level, advanced_by, advanced_at,"
            f" route, database_role, transaction_id::text from {HISTORY} order by id",
        ),
        rows(
            connection,
            "select to_jsonb(i) - '{detail,license_before,license_after}'::text[],"
            " license_before - 'instructor_notes' as before, license_after - 'instructor_notes' as after"
            " from lockstep.sync_run_items as i order by run_id, user_id",
        ),
    ]


# Export ---------------------------------------------------------------------------------------


def test_the_export_has_rows_of_every_table_that_holds_some(connection: Connection) -> None:
    connection.execute("insert into lockstep.erasures (user_id, erased_by, counts) values (1, 101, '{}')")
    tables = call(connection, "export_user", ADMIN, ANN).export_user["tables"]
    columns = user_columns(connection)
    for table, column in columns:
        held = value(connection, f"select count(*) from lockstep.{table} where {column} = 1")
        assert held, f"tests/personal.py gives nobody a row of {table}.{column}"
        found = [row for row in tables[table] if row.get(column) == ANN]
        assert len(found) == held, (table, column)
    assert tables.keys() == {table for table, _ in columns} | {"sign_in_attempts"}


def test_the_export_has_every_word_and_no_hash(connection: Connection) -> None:
    text = json.dumps(call(connection, "export_user", ADMIN, ANN).export_user)
    assert [name for name, word in WORDS.items() if word not in text] == ["other mail"] * (
        WORDS["other mail"] not in text
    )
    for table, column in (("credentials", "password_hash"), ("refresh_tokens", "token_hash")):
        secret = value(connection, f"select {column}::text from lockstep.{table} where user_id = 1")
        assert secret not in text
        assert secret.removeprefix("\\x") not in text
    assert "_hash" not in text
    assert "Bob passed" not in text


def test_nobody_is_exported_who_does_not_exist(connection: Connection) -> None:
    with refused("LS001"):
        call(connection, "export_user", ADMIN, 999)
    assert call(connection, "export_user", ADMIN, 5).export_user["tables"]["sessions"] is None


# Erasure --------------------------------------------------------------------------------------


def test_an_erasure_leaves_no_trace_and_keeps_every_figure(connection: Connection) -> None:
    before, standing = dump(connection), figures(connection)
    for word in WORDS.values():
        assert word in before
    erasure = erase(connection)
    after = dump(connection)
    assert [name for name, word in WORDS.items() if word in after] == []
    assert "Annabel" not in after
    assert figures(connection) == standing
    assert desyncs(connection) == 0
    person = call(connection, "read_user", ADMIN, ANN)
    assert (person.email, person.name, person.is_active) == ("erased-1@erased.invalid", "Erased", False)
    assert (person.is_erased, person.group_names) == (True, [])
    assert (erasure.user_id, erasure.erased_by, erasure.reason) == (ANN, ADMIN, "asked by letter")
    # Whom it was not about has lost nothing but the address of who acted.
    assert value(connection, f"select advancement_reason from {HISTORY} where user_id = 2") == "Bob passed"
    assert value(connection, "select reason from lockstep.sync_runs where user_id = 2") == "Bob was ill"
    assert value(connection, "select count(*) from lockstep.idempotency_keys where key in ('kept', 'group')") == 2
    assert value(connection, "select count(*) from lockstep.password_resets where user_id = 2") == 1


def test_the_counts_are_those_of_the_rows_that_went_or_were_emptied(connection: Connection) -> None:
    assert erase(connection).counts == {
        "credentials": 1,
        "identities": 1,
        "sessions": 1,
        "refresh_tokens": 1,
        "password_resets": 1,
        "sign_in_attempts": 3,
        "group_members": 1,
        "idempotency_keys": 2,
        "user_licenses": 3,
        "license_progressions": 5,
        "sync_runs": 2,
        "sync_run_items": 1,
        "quarantine": 1,
        "raw_writes": 2,
        "queued_level_ups": 2,
        "lock_breaches": 1,
        "projects": 1,
        "project_revisions": 2,
        "project_shares": 2,
        "assets": 1,
        "blobs": 1,
        "adopted_rows": 1,
        "adoption_staging": 1,
        "adoption_pairs": 1,
    }


def test_a_second_erasure_takes_what_came_in_since_and_keeps_the_first_record(connection: Connection) -> None:
    first = erase(connection)
    again = erase(connection, reason="again")
    assert again == first
    call(connection, "level_up", ANN, "PLAYER", 10, idempotency_key="late")
    call(connection, "update_level", ANN, "PLAYER", 4, reason="Annabel again")
    third = erase(connection)
    assert third.erased_at == first.erased_at
    grown = {name for name, count in third.counts.items() if count > first.counts[name]}
    assert grown == {"license_progressions", "idempotency_keys"}
    assert "Annabel" not in dump(connection)


def test_nothing_brings_an_erased_person_back(connection: Connection) -> None:
    erase(connection)
    group = call(connection, "create_group", ADMIN, "Blue").id
    for function, *arguments in (
        ("change_user", ADMIN, ANN, None, "Annabel"),
        ("deactivate_user", ADMIN, ANN),
        ("reactivate_user", ADMIN, ANN),
        ("link_identity", ADMIN, ANN, "https://idp", "s"),
        ("add_member", ADMIN, group, ANN),
        ("award_xp", ADMIN, ANN, "PLAYER", 5),
        ("set_level", ADMIN, ANN, "PLAYER", 5),
    ):
        with refused("LS043"):
            call(connection, function, *arguments)
    # Their figures stay in step, as everybody's do.
    assert call(connection, "sync_records", ANN, "PLAYER", "progress").action == "none"


def test_an_instructor_does_not_see_an_erased_student(connection: Connection) -> None:
    connection.execute("update lockstep.users set role = 'instructor' where id = 5")
    assert value(connection, "select lockstep.may_see(5, 2)")
    erase(connection, BOB)
    assert not value(connection, "select lockstep.may_see(5, 2)")
    assert value(connection, "select lockstep.may_see(101, 2)")


def test_a_repair_can_be_undone_after_the_erasure_and_brings_no_word_back(connection: Connection) -> None:
    erase(connection)
    run = value(connection, "select max(run_id) from lockstep.sync_run_items")
    undo = value(connection, "call lockstep.undo_sync(%s)", run)
    item = one(connection, "select outcome, detail from lockstep.sync_run_items where run_id = %s", undo)
    assert item == ("undone_in_step", None)
    assert "Annabel" not in dump(connection)


def test_the_last_admin_is_not_erased_and_a_refusal_changes_nothing(connection: Connection) -> None:
    before = dump(connection)
    with refused("LS041"):
        erase(connection, ADMIN)
    with refused("LS001"):
        erase(connection, 999)
    assert dump(connection) == before


@pytest.mark.parametrize("user", [BOB, 3])
def test_an_erasure_waits_for_a_change_and_takes_its_words(connection: Connection, connect: Connect, user: int) -> None:
    writer, eraser = connect(), connect()
    writer.execute("begin")
    # With a pair, and with one that is being made.
    call(writer, "update_level", user, "PLAYER", 4, reason="Robert was late", idempotency_key="late")
    with background(eraser, "select lockstep.erase_user(101, %s)", user) as waiting:
        wait_until_blocked(connection, eraser.info.backend_pid, writer.info.backend_pid)
        writer.execute("commit")
        waiting.result()
    assert "Robert" not in dump(connection)
    assert value(connection, f"select max(to_level) from {HISTORY} where user_id = %s", user) == 4


# The one exception to the history -------------------------------------------------------------

EMPTIED = ("advancement_reason", "application_name", "client_address")
ERASING = (
    f"update {HISTORY} set {', '.join(f'{name} = null' for name in EMPTIED)},"
    " requirements_met = case when route <> 'client' then requirements_met end"
)

# What a column can become, where that is no 7.
OTHERWISE = {
    "user_id": "2",
    "advanced_at": "now()",
    "route": "'import'",
    "client_address": "'10.0.0.1'",
}


@pytest.mark.parametrize("role", EVERYBODY)
def test_no_role_changes_history_whether_somebody_was_erased_or_not(
    connection: Connection, connect: Connect, role: str | None
) -> None:
    erase(connection)
    before = rows(connection, f"select * from {HISTORY} order by id")
    session = connect(role)
    for statement in (
        f"{ERASING} where user_id = 2",
        f"update {HISTORY} set advancement_reason = null where user_id = 2",
        f"update {HISTORY} set advancement_reason = 'better' where user_id = 1",
        f"update {HISTORY} set advancement_reason = 'better' where user_id = 2",
        f"update {HISTORY} set to_level = 5 where user_id = 1",
        f"update {HISTORY} set to_level = to_level where user_id = 1",
        f"update {HISTORY} set requirements_met = 'all' where user_id = 1",
        f"delete from {HISTORY} where user_id = 1",
    ):
        assert outcome(session, statement) in ("LS010", "42501"), statement
    if role in (None, "lockstep_owner"):
        assert outcome(session, f"{ERASING} where user_id = 1") == "LS010"
    assert rows(connection, f"select * from {HISTORY} order by id") == before


def test_the_functions_own_role_may_empty_the_words_of_the_erased_and_no_figure_even_if_granted(
    connection: Connection, connect: Connect
) -> None:
    connection.execute(f"grant update on {HISTORY} to lockstep_coupler")
    coupler = connect("lockstep_coupler")
    assert outcome(coupler, f"{ERASING} where user_id = 1") == "LS010"
    with connection.transaction():
        connection.execute("insert into lockstep.erasures (user_id, erased_by, counts) values (1, 101, '{}')")
    columns = [
        row.attname
        for row in rows(
            connection,
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and attidentity = ''",
            HISTORY,
        )
    ]
    assert len(columns) > 10
    for column in columns:
        # All that an erasure does, and one thing more.
        others = ", ".join(f"{name} = null" for name in EMPTIED if name != column)
        other = OTHERWISE.get(column, "'7'")
        statement = f"update {HISTORY} set {others}, {column} = {other} where user_id = 1"
        assert outcome(coupler, statement) == "LS010", column
    assert outcome(coupler, f"{ERASING} where user_id = 1") is None
    assert outcome(coupler, f"{ERASING} where user_id = 2") == "LS010"


def test_a_dba_erases_and_exports_in_psql_as_an_admin(connect: Connect) -> None:
    dba = connect("lockstep_admin")
    assert value(dba, "select lockstep.export_user(101, 1) -> 'tables' -> 'users' -> 0 ->> 'name'") == WORDS["name"]
    assert value(dba, "select counts ->> 'sessions' from lockstep.erase_user(101, 1, 'asked by letter')") == "1"
