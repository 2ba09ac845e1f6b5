"""A person with rows in every table that can hold some, and words that must be gone after an erasure."""

from typing import Any

from tests.pairs import Connection, plant, rows, update_level, value

ADMIN, ANN, BOB = 101, 1, 2

# Each stands somewhere in the database, and says who Ann is.
WORDS = {
    "name": "Annabel Quux",
    "mail": "annabel.quux@example.org",
    "other mail": "aq@provider.example",
    "subject": "subject-248289761001",
    "address": "203.0.113.77",
    "reason": "because Annabel was ill",
    "notes": "Annabel needs more time",
    "application": "annabels-laptop",
    "remark": "seen by Annabel's mother",
    "project": "Annabel's maze",
    "file": "annabels-maze.sb3",
}

# Columns that hold the id of a user, whatever foreign keys there are.
USER_COLUMNS = ("user_id", "student_id", "advanced_by", "requested_by", "applied_by", "erased_by")


def user_columns(connection: Connection) -> list[tuple[str, str]]:
    """Every column of a table that says which user: by its name, or by a reference to users."""
    found = rows(
        connection,
        """
        select class.relname as table, att.attname as column
        from pg_class as class
        inner join pg_attribute as att on att.attrelid = class.oid and att.attnum > 0 and not att.attisdropped
        where class.relnamespace = 'lockstep'::regnamespace
            and class.relkind in ('r', 'p')
            and (
                att.attname = any(%s)
                or (class.relname = 'users' and att.attname = 'id')
                or exists (
                    select from pg_constraint as con
                    where con.conrelid = class.oid
                        and con.contype = 'f'
                        and con.confrelid = 'lockstep.users'::regclass
                        and att.attnum = any(con.conkey)
                )
            )
        order by class.relname, att.attname
        """,
        list(USER_COLUMNS),
    )
    return [(row.table, row.column) for row in found]


def dump(connection: Connection) -> str:
    """Every row of every table of the schema, as text."""
    tables = rows(
        connection,
        "select relname from pg_class where relnamespace = 'lockstep'::regnamespace and relkind in ('r', 'p')",
    )
    return "\n".join(
        f"{table}: {row.text}"
        for (table,) in tables
        if table != "loaded_sources"
        for row in rows(connection, f"select found::text as text from lockstep.{table} as found")
    )


def fill(connection: Connection) -> None:
    """Give Ann, who has been an instructor, a row in every table; Bob, of whom she said something, some too."""
    say: dict[str, Any] = WORDS
    connection.execute(
        "update lockstep.users set email = %s, name = %s, role = 'instructor' where id = 1", [say["mail"], say["name"]]
    )
    connection.execute("select lockstep.write_password(1, '$argon2id$v=19$m=65536$c2FsdA$aGFzaA')")
    connection.execute(
        "insert into lockstep.identities (issuer, subject, user_id, email) values ('https://idp', %s, 1, %s)",
        [say["subject"], say["other mail"]],
    )
    session = value(
        connection,
        "insert into lockstep.sessions (user_id, expires_at, address) values (1, now() + interval '1 day', %s)"
        " returning id",
        say["address"],
    )
    connection.execute(
        "insert into lockstep.refresh_tokens (user_id, token_hash, session_id) values (1, sha256('a'), %s)", [session]
    )
    for user, requested_by in ((ANN, ADMIN), (BOB, ANN)):
        connection.execute(
            "insert into lockstep.password_resets (user_id, token_hash, requested_by, expires_at)"
            " values (%s, sha256('b'), %s, now())",
            [user, requested_by],
        )
    connection.execute(
        "insert into lockstep.sign_in_attempts (kind, name, failures) values"
        " ('account', lower(%s), 1), ('account', %s, 1), ('address', %s, 1)",
        [say["mail"], say["other mail"], say["address"]],
    )
    connection.execute("select lockstep.add_member(101, (lockstep.create_group(101, 'Red')).id, 1)")
    connection.execute("insert into lockstep.erasures (user_id, erased_by, counts) values (9, 1, '{}')")
    _earn(connection)
    _build(connection)
    _repair(connection)
    _queue(connection)
    _adopt(connection)
    # What an answer to somebody else's request showed of her.
    connection.execute(
        "insert into lockstep.idempotency_keys (user_id, key, function_name, arguments, answer) values"
        " (101, 'made', 'http create_user', '{}', jsonb_build_array(jsonb_build_object('id', 1, 'email', %s::text))),"
        " (101, 'kept', 'http create_user', '{}', '[{\"id\": 2, \"email\": \"b@example.org\"}]'),"
        " (101, 'group', 'http create_group', '{}', '[{\"id\": 1, \"name\": \"Red\"}]')",
        [say["mail"]],
    )
    connection.execute(
        "insert into lockstep.quarantine (migration, table_name, reason, row_id, row_before) values"
        " ('0002', 'user_licenses', 'duplicate', '77',"
        " jsonb_build_object('user_id', 1, 'current_level', 3, 'instructor_notes', %s::text))",
        [say["notes"]],
    )


def _earn(connection: Connection) -> None:
    connection.execute("select set_config('application_name', %s, false)", [WORDS["application"]])
    update_level(connection, ANN, "PLAYER", 3, 5000, advanced_by=ADMIN, reason=WORDS["reason"], idempotency_key="k1")
    update_level(connection, ANN, "COACH", 2, advanced_by=ANN)
    update_level(connection, BOB, "PLAYER", 2, 700, advanced_by=ANN, reason="Bob passed")
    connection.execute(
        "insert into lockstep.license_progressions"
        " (user_id, user_license_id, to_level, advancement_reason, requirements_met)"
        " select user_id, id, 3, 'remark', %s from lockstep.user_licenses"
        " where user_id = 1 and specialization_type = 'PLAYER'",
        [WORDS["remark"]],
    )
    connection.execute("select set_config('application_name', 'tests', false)")
    connection.execute("update lockstep.user_licenses set instructor_notes = %s where user_id = 1", [WORDS["notes"]])


def _queue(connection: Connection) -> None:
    connection.execute("select set_config('application_name', %s, false)", [WORDS["application"]])
    connection.execute(
        "select lockstep.enqueue_level_up(1, 'PLAYER', 10, p_advanced_by => 101, p_reason => %s)", [WORDS["reason"]]
    )
    connection.execute("select lockstep.enqueue_level_up(2, 'PLAYER', 10, p_advanced_by => 1)")
    connection.execute("select set_config('application_name', 'tests', false)")
    connection.execute(
        "update lockstep.queued_level_ups set client_address = %s, error = %s where user_id = 1",
        [WORDS["address"], WORDS["remark"]],
    )
    connection.execute(
        "insert into lockstep.lock_breaches (user_id, specialization_id, source, waited, waiter_application)"
        " values (1, 'PLAYER', 'http', '100 ms', %s)",
        [WORDS["application"]],
    )


def _build(connection: Connection) -> None:
    """Projects of Ann's and of Bob's, each changed by the other and shared with them; an asset."""
    mine = value(
        connection,
        "select (lockstep.create_project(1, %s, %s, %s)).id",
        WORDS["project"],
        b"a maze",
        WORDS["file"],
    )
    theirs = value(connection, "select (lockstep.create_project(2, 'Theirs', 'content', 'a.sb3')).id")
    for actor, project, grantee in ((ANN, mine, BOB), (BOB, theirs, ANN)):
        connection.execute("select lockstep.share_project(%s, %s, 'WRITE', p_user_id => %s)", [actor, project, grantee])
        connection.execute("select lockstep.update_project(%s, %s, p_description => 'more')", [grantee, project])
    connection.execute("select lockstep.get_or_create_asset(1, 'a picture', 'costume', 'png')")


def _adopt(connection: Connection) -> None:
    """As an adoption that was interrupted leaves it."""
    connection.execute(
        "insert into lockstep.adoption_runs (source, timezone, direction) values ('old', 'UTC', 'to_higher_level')"
    )
    connection.execute(
        "insert into lockstep.adopted_rows (source, table_name, source_id, outcome, user_id, content, extra, run_id)"
        " select 'old', 'users', 'u1', 'repaired', 1, jsonb_build_object('name', %s::text),"
        " jsonb_build_object('phone', %s::text), max(id) from lockstep.adoption_runs",
        [WORDS["name"], WORDS["remark"]],
    )
    connection.execute(
        "insert into lockstep.adoption_staging (table_name, source_id, content, user_id)"
        " values ('users', 'u1', jsonb_build_object('email', %s::text), 1)",
        [WORDS["mail"]],
    )
    connection.execute(
        "insert into lockstep.adoption_pairs (user_id, specialization_id, state, current_level, total_xp,"
        " completed_sessions, completed_projects, theory_hours_completed, practice_hours_completed,"
        " max_achieved_level, is_active, instructor_notes) values (1, 'PLAYER', 'new', 1, 0, 0, 0, 0, 0, 1, true, %s)",
        [WORDS["notes"]],
    )


def _repair(connection: Connection) -> None:
    plant(connection, 3, 2, user=ANN, specialization="INTERNSHIP")
    connection.execute(
        "update lockstep.user_licenses set instructor_notes = %s where user_id = 1"
        " and specialization_type = 'INTERNSHIP'",
        [WORDS["notes"]],
    )
    run = value(
        connection,
        "select id from lockstep.plan_sync('to_higher_level', null, 1, null, 1, %s)",
        WORDS["reason"],
    )
    connection.execute(
        "insert into lockstep.sync_runs (direction, user_id, applied_by, applied_application, reason)"
        " values ('to_higher_level', 2, 1, %s, 'Bob was ill')",
        [WORDS["application"]],
    )
    connection.execute("call lockstep.apply_sync(%s)", [run])
    connection.execute("update lockstep.sync_run_items set detail = %s where user_id = 1", [WORDS["notes"]])
