"""Two schools in one database do not see each other (issue 9): rows, rights, guards, tokens, jobs."""

import ast
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from app import create_app, db, logins, schedule, schools
from app.client import ProgressLicenseCoupler, level_up_atomic
from app.http.access import Actor
from app.http.problems import ProblemError
from app.http.tokens import Tokens
from app.loader import MigrationError
from app.migrator import Migrator
from app.postgres import Server
from app.schema import DEFAULT, LONGEST, ROLES, check_name, rename, roles
from app.schools import SchoolError
from app.settings import PROJECT, PoolSettings, Settings
from tests.pairs import Connect, Connection, add_users, call, outcome, refused, rows, value
from tests.schools.conftest import SCHOOLS, Run
from tests.support import DEADLINE, PREFIX, wait_until_blocked

BROKEN = "select kind || ' ' || name from lockstep.guard_status where status <> 'intact'"


# Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lockstep", "maple", "oak_2", "a", "x" * LONGEST])
def test_a_name_that_fits_its_roles_is_taken(name: str) -> None:
    assert check_name(name) == name
    assert max(len(role) for role in roles(name)) <= 63


@pytest.mark.parametrize(
    "name",
    [
        *("", "Maple", "2maple", "_maple", "maple-oak", "maple oak", 'ma"ple', "maple;", "érable", "x" * (LONGEST + 1)),
        *("pg_maple", "public", "information_schema", "lockstep_two", "school_reports", "maple_http"),
    ],
)
def test_a_name_is_refused_that_cannot_be_had_unquoted_or_is_taken(name: str) -> None:
    with pytest.raises(ValueError, match="not a name for a schema"):
        check_name(name)
    with pytest.raises(MigrationError):
        Migrator("", schema=name)
    with pytest.raises(ValueError, match="not a name"):
        Settings.from_environment({"LOCKSTEP_SCHEMA": name or "-"})


@pytest.mark.parametrize("word", ["user", "select", "between"])
def test_a_word_of_sql_is_refused_by_the_server(word: str, empty_database: str) -> None:
    with pytest.raises(MigrationError, match="word of SQL"):
        schools.create(empty_database, word)
    with psycopg.connect(empty_database) as connection:
        assert value(connection, "select to_regnamespace(%s)", word) is None


def test_the_token_is_rewritten_alone_and_everywhere() -> None:
    text = "select lockstep.x, 'lockstep.users'::regclass from lockstep_role -- Lockstep, unlockstep, locksteps\n"
    assert rename(text, "maple") == (
        "select maple.x, 'maple.users'::regclass from maple_role -- Lockstep, unlockstep, locksteps\n"
    )
    assert rename(text, DEFAULT) is text


def test_the_roles_of_a_school_are_those_that_there_are(connection: Connection) -> None:
    for school in SCHOOLS:
        # Every role of no other school begins so, and that of a test that another worker is at, with one word more.
        found = rows(connection, "select rolname from pg_roles where rolname like %s", f"{school}\\_%")
        assert {row.rolname for row in found if "_test_" not in row.rolname} <= set(roles(school))
        named = {role for path in (PROJECT / "sql").rglob("*.sql") for role in find_roles(path)}
        assert named | set(logins.LOGINS) == set(roles(DEFAULT))
    assert len(ROLES) == 9


# A channel, a login of the examples, and what a take-over uses while it works: no roles.
NO_ROLES = ("queue", "role", "model", "desk")


def find_roles(path: Path) -> set[str]:
    words = rename(path.read_text("utf-8"), "§")
    for word in NO_ROLES:
        words = words.replace(f"§_{word}", "")
    return {f"lockstep_{word.split()[0].strip(';:,.()')}" for word in words.replace("'", " ").split("§_")[1:]}


# What names the schema ------------------------------------------------------------------------


def test_only_the_module_of_connections_opens_them_so_that_all_sql_goes_through_the_names() -> None:
    """The migrator's loader renames by itself; the launcher has no school yet; the season plays in `lockstep`."""
    opening = {
        str(path.relative_to(PROJECT / "app"))
        for path in (PROJECT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("psycopg.connect", "psycopg.Connection.connect")
    }
    assert {name for name in opening if not name.startswith("season/")} == {
        *("db.py", "migrator.py", "postgres.py"),
        "adoption/source.py",  # of another system
    }


def test_everything_runs_where_there_is_no_school_of_the_usual_name(
    database: str, connection: Connection, maple: Connection, run: Run
) -> None:
    connection.execute("drop schema lockstep cascade")
    add_users(maple, 101)
    for arguments, exit_code in {
        ("db", "curriculum"): 0,
        ("db", "functions"): 0,
        ("db", "migrate"): 0,
        ("db", "verify"): 0,
        ("db", "guards", "--accept"): 0,
        ("sync", "find"): 0,
        ("sync", "plan"): 0,
        ("sync", "apply", "1"): 0,
        ("sync", "undo", "1"): 0,
        ("sync", "runs"): 0,
        ("sync", "scan"): 0,
        ("sync", "reconcile", "--no-log"): 0,
        ("sync", "health"): 0,
        ("queue", "drain"): 0,
        ("queue", "status"): 0,
        ("queue", "requeue", "--all"): 0,
        ("auth", "create-admin", "root@example.org"): 0,
        ("monitor", "--once"): 0,
        ("school", "list"): 0,
    }.items():
        result = run(*arguments, school="maple")
        assert (arguments, result.exit_code) == (arguments, exit_code), result.output
        assert "lockstep." not in result.output
    assert run("sync", "--schema", "maple", "find").exit_code == 0
    assert run("sync", "--schema", "Maple", "find").exit_code == 2
    assert run("sync", "find").exit_code == 2

    with psycopg.connect(database) as plain:
        assert ProgressLicenseCoupler(plain, "maple").update_level_atomic(101, "PLAYER", 2)["success"]
        assert level_up_atomic(plain, 101, "PLAYER", 10, schema="maple")["progress"]["total_xp"] == 10
        assert ProgressLicenseCoupler(plain).update_level_atomic(1, "PLAYER", 2)["success"] is False
    assert value(maple, "select current_level from lockstep.user_licenses") == 2


def test_values_are_left_alone_that_read_like_the_schema(maple: Connection) -> None:
    said = "lockstep.users, and role lockstep_app"
    maple.execute("insert into lockstep.users (id, email, name) values (7, 'x@example.org', %s)", [said])
    assert value(maple, "select name from maple.users") == said
    with maple.cursor() as cursor, cursor.copy("copy lockstep.users (id, email, name) from stdin") as copy:
        copy.write_row((8, "y@example.org", said))
    assert [row[0] for row in maple.cursor().stream("select name from lockstep.users order by id")] == [said, said]


# Apart ----------------------------------------------------------------------------------------


def test_the_same_address_and_the_same_id_are_two_people(connection: Connection, maple: Connection) -> None:
    add_users(connection, 1)
    add_users(maple, 1)
    call(connection, "update_level", 1, "PLAYER", 3)
    maple.execute("select lockstep.update_level(1, 'PLAYER', 5)")
    maple.execute("select lockstep.enqueue_level_up(1, 'COACH', 10)")
    levels = "select current_level from lockstep.user_licenses where user_id = 1"
    assert (value(connection, levels), value(maple, levels)) == (3, 5)
    assert value(connection, "select count(*) from lockstep.queued_level_ups") == 0
    assert value(maple, "select count(*) from lockstep.queued_level_ups") == 1
    assert value(connection, "select count(*) from lockstep.license_progressions") == 1


@pytest.mark.usefixtures("roles_alone")
def test_no_role_of_a_school_has_any_right_in_the_other(connection: Connection) -> None:
    for school, other in (SCHOOLS, SCHOOLS[::-1]):
        rights = rows(
            connection,
            """
            select role.rolname, count(*) as objects, count(*) filter (where object.allowed) as allowed
            from pg_roles as role
            cross join lateral (
                select has_schema_privilege(role.oid, namespace.oid, 'usage, create') as allowed
                from pg_namespace as namespace where namespace.nspname = %s
                union all
                select has_any_column_privilege(role.oid, class.oid, 'select, insert, update, references')
                    or has_table_privilege(role.oid, class.oid, 'delete, truncate, trigger')
                from pg_class as class
                where class.relnamespace = %s::regnamespace and class.relkind in ('r', 'v')
                union all
                select has_function_privilege(role.oid, proc.oid, 'execute')
                from pg_proc as proc where proc.pronamespace = %s::regnamespace
            ) as object
            where role.rolname = any(%s)
            group by role.rolname
            """,
            *(other, other, other),
            roles(school),
        )
        assert len(rights) >= 7
        assert {row.allowed for row in rights} == {0}
        assert min(row.objects for row in rights) > 200


@pytest.mark.parametrize("role", ["app", "admin", "auth", "readonly", "legacy"])
def test_a_role_is_refused_what_its_namesake_may(role: str, connect: Connect) -> None:
    session = connect(f"maple_{role}")
    for statement in (
        "select lockstep.update_level(1, 'PLAYER', 2)",
        "select * from lockstep.desync",
        "update lockstep.user_licenses set current_level = 2",
    ):
        assert outcome(session, statement) == "42501"
    assert value(session, "select pg_has_role(%s, %s, 'member')", f"maple_{role}", f"lockstep_{role}") is False


def test_damage_in_one_school_is_seen_in_that_one_only(connection: Connection, maple: Connection) -> None:
    assert (rows(connection, BROKEN), rows(maple, BROKEN)) == ([], [])
    connection.execute("alter table maple.users disable trigger all")
    maple.execute("grant execute on function lockstep.level_up to lockstep_readonly")
    assert rows(connection, BROKEN) == []
    assert len(rows(maple, BROKEN)) > 1


def test_jobs_are_named_after_the_school() -> None:
    ours, theirs = schedule.jobs("lockstep"), schedule.jobs("maple")
    assert [(name.removeprefix("maple"), when) for name, when, _ in theirs] == [
        (name.removeprefix("lockstep"), when) for name, when, _ in ours
    ]
    assert not {name for name, _, _ in ours} & {name for name, _, _ in theirs}
    assert all("maple." in statement and "lockstep" not in statement for _, _, statement in theirs)


def test_a_service_of_one_school_believes_no_token_of_another(tmp_path: Path) -> None:
    keys, session = tmp_path / "keys.json", uuid4()
    ours, theirs = Tokens(keys, "lockstep"), Tokens(keys, "maple")
    assert ours.read_access(ours.issue(1, session, "admin")) == Actor(1, session, "admin")
    with pytest.raises(ProblemError):
        ours.read_access(theirs.issue(1, session, "admin"))
    with pytest.raises(ValueError, match="state"):
        theirs.read_state(ours.issue_state(state="x"))


@pytest.mark.usefixtures("roles_alone")
def test_a_service_serves_the_school_that_it_is_told_of(
    database: str, server: Server, connection: Connection, maple: Connection, tmp_path: Path
) -> None:
    add = "insert into lockstep.users (email, name, role) values (%s, %s, 'admin')"
    connection.execute(add, ["ann@example.org", "Ann of the first"])
    maple.execute(add, ["bob@example.org", "Bob of Maple"])
    everybody, admins = logins.ensure(database, server.home / "maple-logins.json", "maple")
    assert psycopg.conninfo.conninfo_to_dict(admins)["user"] == "maple_http_admin"
    pools = PoolSettings(size=(0, 2), admin_size=(0, 2), timeout=DEADLINE)
    app = create_app(
        Settings(home=tmp_path, dsn=database, schema="maple", http_dsn=everybody, http_admin_dsn=admins, pools=pools)
    )
    try:
        browser = app.test_client()
        assert browser.get("/readyz").status_code == 200
        maple.execute(
            "insert into lockstep.sessions (user_id, expires_at) select id, now() + '1 day' from lockstep.users"
        )
        bob, session = maple.execute("select user_id, id from lockstep.sessions").fetchone() or (0, uuid4())
        token = app.extensions["lockstep.tokens"].issue(bob, session, "admin")
        answer = browser.get("/api/v1/users", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        assert [person["name"] for person in json.loads(answer.text)["items"]] == ["Bob of Maple"]
    finally:
        app.extensions["lockstep.database"].close()


# The commands ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("roles_alone")
def test_a_school_comes_is_listed_and_goes_with_its_roles(database: str, run: Run, connection: Connection) -> None:
    assert run("school", "create", "pine").exit_code == 0
    assert run("school", "report").output.split() == [
        f"school_reports.{name}" for name in ("desync", "levels", "schools")
    ]
    listed = json.loads(run("school", "list", "--json").stdout)
    assert [(one["name"], one["users"], one["broken_guards"], one["closed"]) for one in listed] == [
        (name, 0, 0, None) for name in ("lockstep", "maple", "pine")
    ]
    assert {one["version"] for one in listed} == {Migrator("").head()}
    assert all(one["bytes"] > 100_000 for one in listed)

    assert run("school", "drop", "pine", typed="pin\n").exit_code == 1
    assert run("school", "drop", "oak", typed="oak\n").exit_code == 1
    assert "pine" in schools.names(database)
    dropped = run("school", "drop", "pine", typed="pine\n")
    assert dropped.exit_code == 0, dropped.output
    assert schools.names(database) == ["lockstep", "maple"]
    assert rows(connection, "select from pg_roles where rolname like 'pine\\_%%'") == []
    assert rows(connection, BROKEN) == []


@pytest.mark.usefixtures("roles_alone")
def test_a_school_in_use_is_dropped_by_force_only_and_roles_stay_that_another_database_needs(
    database: str, run: Run, connect: Connect, maple: Connection, connection: Connection
) -> None:
    user = connect()
    user.autocommit = False
    user.execute("select count(*) from maple.users")
    refusal = run("school", "drop", "maple", typed="maple\n")
    assert refusal.exit_code == 1
    assert str(user.info.backend_pid) in refusal.output
    assert schools.names(database) == ["lockstep", "maple"]
    maple.close()
    assert run("school", "drop", "--force", "maple", typed="maple\n").exit_code == 0
    assert schools.names(database) == ["lockstep"]
    with refused("57P01"):
        user.execute("select 1")
    # The template of these tests has the school, too.
    assert value(connection, "select to_regrole('maple_owner') is not null")


def test_a_schema_that_is_no_school_is_left_alone(database: str, connection: Connection) -> None:
    connection.execute("create schema oak")
    connection.execute("create table oak.users (id bigint)")
    with pytest.raises(SchoolError):
        schools.create(database, "oak")
    assert schools.names(database) == list(SCHOOLS)
    assert rows(connection, "select from pg_class where relnamespace = 'oak'::regnamespace") == [()]


def test_a_role_is_taken_that_another_database_of_the_server_makes_at_the_same_moment(
    connection: Connection, empty_database: str
) -> None:
    role = f"{PREFIX}{uuid4().hex}"
    with db.connect(empty_database) as other, ThreadPoolExecutor(1) as pool:
        with other.transaction():
            assert db.make_role(other, role)
            made = pool.submit(db.make_role, connection, role)
            with db.connect(empty_database) as third:
                wait_until_blocked(third, connection.info.backend_pid, by=other.info.backend_pid)
        assert made.result() is False
        other.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


@pytest.mark.usefixtures("roles_alone")
def test_reports_show_every_school_to_who_may_read_them_and_stand_in_no_ones_way(
    database: str, connection: Connection, maple: Connection, connect: Connect
) -> None:
    add_users(connection, 1, 2)
    add_users(maple, 1)
    for session, user, level in ((connection, 1, 3), (connection, 2, 3), (maple, 1, 5)):
        session.execute("select lockstep.update_level(%s, 'PLAYER', %s)", [user, level])
    assert len(schools.report(database)) == 3
    schools.report(database)  # again changes nothing
    reader = connect("school_reports_readonly")
    levels = "select school, specialization, level, students from school_reports.levels order by school, level"
    assert [tuple(row) for row in rows(reader, levels)] == [("lockstep", "PLAYER", 3, 2), ("maple", "PLAYER", 5, 1)]
    assert [row.school for row in rows(reader, "select school from school_reports.schools order by school")] == [
        *SCHOOLS
    ]
    maple.execute("alter table lockstep.user_licenses disable trigger all")
    maple.execute("update lockstep.user_licenses set current_level = 4")
    found = rows(reader, "select school, progress_level, license_level from school_reports.desync")
    assert [tuple(row) for row in found] == [("maple", 5, 4)]
    assert outcome(reader, "select * from maple.desync") == "42501"
    assert rows(connection, BROKEN) == []
    # A function that cannot be replaced takes views down with it, and the reports on them: they stop no upgrade.
    connection.execute("drop function lockstep.check_user(bigint)")
    connection.execute("create function lockstep.check_user(p_other bigint) returns void language sql as 'select'")
    Migrator(database).load()
    assert rows(connection, BROKEN) == []
    assert rows(connection, "select from pg_views where schemaname = 'school_reports'") == []
    assert len(schools.report(database)) == 3
