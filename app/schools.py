"""Schools: a schema a school, several in one database. `flask --app app school …`.

Every school has roles of its own, so none can call or read another's; what they share is the server.
app/move.py takes one to another database.
"""

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import click
from psycopg import sql
from psycopg.rows import dict_row

from app import curriculum, db, schedule
from app.cli import Commands, dsn
from app.loader import MigrationError
from app.migrator import Backend, Migrator
from app.postgres import say
from app.schema import REPORTS, check_name, rename, roles
from app.settings import PROJECT
from app.sync import as_json, show
from app.words import counted

SCHOOLS = """
select namespace.nspname::text
from pg_catalog.pg_namespace as namespace
where to_regclass(format('%I.loaded_sources', namespace.nspname)) is not null
order by namespace.nspname collate "C"
"""

STANDING = """
select
    (select max(applied.migration_id) from lockstep.schema_migrations as applied) as version,
    (select count(*) from lockstep.users) as users,
    (
        select sum(pg_total_relation_size(class.oid))::bigint
        from pg_catalog.pg_class as class
        where class.relnamespace = 'lockstep'::regnamespace and class.relkind = 'r'
    ) as bytes,
    (select count(*) from lockstep.guard_status as guard where guard.status <> 'intact') as broken_guards
"""

# The argument of the trigger that closes a school: why.
CLOSED = """
select convert_from(substring(trig.tgargs from 1 for length(trig.tgargs) - 1), 'UTF8') as reason
from pg_catalog.pg_trigger as trig
where trig.tgrelid = to_regclass('lockstep.users') and trig.tgname = 'refuse_closed'
"""

TABLES = """
select class.relname::text as name
from pg_catalog.pg_class as class
where class.relnamespace = 'lockstep'::regnamespace and class.relkind = 'r'
order by class.relname collate "C"
"""

# Who logged in by a role of the school, or holds a lock on one of its tables.
SESSIONS = """
select activity.pid, activity.usename, activity.application_name, activity.state
from pg_catalog.pg_stat_activity as activity
where activity.datname = current_database()
    and activity.pid <> pg_backend_pid()
    and (
        exists (
            select from pg_catalog.pg_roles as role
            left outer join pg_catalog.pg_auth_members as membership
                on membership.roleid = role.oid and membership.member = activity.usesysid
            where role.rolname = any(%s)
                and (role.oid = activity.usesysid or membership.member is not null)
        )
        or exists (
            select from pg_catalog.pg_locks as lock
            inner join pg_catalog.pg_class as class on class.oid = lock.relation
            where lock.pid = activity.pid and class.relnamespace = 'lockstep'::regnamespace
        )
    )
order by activity.pid
"""

# Roles belong to the cluster: whether something beside this database needs one.
ELSEWHERE = """
select true
from pg_catalog.pg_shdepend as dependency
left outer join pg_catalog.pg_database as db on db.oid = dependency.dbid
where dependency.refclassid = 'pg_authid'::regclass
    and dependency.refobjid = to_regrole(%s)
    and dependency.dbid <> 0
    and db.datname is distinct from current_database()
limit 1
"""

SEARCH_PATH = """
select true
from pg_catalog.pg_db_role_setting as stored
cross join lateral unnest(stored.setconfig) as setting
where stored.setdatabase = (select db.oid from pg_catalog.pg_database as db where db.datname = current_database())
    and stored.setrole = 0
    and setting = 'search_path=' || %s || ', public'
"""


class SchoolError(MigrationError):
    """A school cannot be made, dropped or moved; the message says why. Nothing was changed."""


@dataclass(frozen=True)
class School:
    """How a school stands. bytes: tables and indexes; closed: why it takes no writes, None where it does."""

    name: str
    version: str
    users: int
    bytes: int
    broken_guards: int
    closed: str | None


def names(dsn: str) -> list[str]:
    """The schools of a database."""
    with db.connect(dsn) as connection:
        return [name for (name,) in connection.execute(SCHOOLS)]


def find(dsn: str) -> list[School]:
    """The schools of a database, and how each stands. Raises psycopg.Error."""
    found = []
    for name in names(dsn):
        with db.connect(dsn, name) as connection, connection.cursor(row_factory=dict_row) as cursor:
            (row,) = cursor.execute(STANDING).fetchall()
            found.append(School(name, **row, closed=closed(connection, name)))
    return found


def create(dsn: str, name: str, say: Callable[[str], None] = say) -> None:
    """Install a school with its curriculum; once more: finish what was interrupted. Raises MigrationError."""
    migrator = Migrator(dsn, schema=name, say=say)
    with db.connect(dsn, name) as connection:
        if connection.execute("select to_regnamespace('lockstep')").fetchone() != (None,) and name not in names(dsn):
            raise SchoolError(f"there is a schema {name} already, and it is no school")
    migrator.migrate()
    migrator.load()
    curriculum.load(dsn, schema=name)


def drop(dsn: str, name: str, *, force: bool = False, say: Callable[[str], None] = say) -> None:
    """Drop a school for good: schema, roles that nothing else needs, jobs of pg_cron.

    Refuses while sessions use it; with force it ends them. Raises SchoolError.
    """
    _check(dsn, name)
    try:
        jobs = schedule.remove(dsn, name)
    except schedule.NoCronError:
        jobs = []
    with Backend(dsn, name, say) as backend, backend.lock():
        connection = backend.connection
        cursor = db.cursor_of(name)(connection)
        for job in jobs:
            say(f"pg_cron: {job}")
        sessions = cursor.execute(SESSIONS, [roles(name)]).fetchall()
        for pid, user, application, state in sessions:
            if not force:
                raise SchoolError(f"in use: server process {pid}, {user}, {application}, {state}: --force ends it")
            say(f"ending server process {pid}, {user}, {application}")
            cursor.execute("select pg_terminate_backend(%s::integer, 10000)", [pid])
        with connection.transaction():
            cursor.execute("set local lock_timeout = '10s'")
            drop_reports(connection)
            cursor.execute("drop schema lockstep cascade")
            if cursor.execute(SEARCH_PATH, [name]).rowcount:
                database = sql.Identifier(connection.info.dbname)
                cursor.execute(sql.SQL("alter database {} reset search_path").format(database))
            for role in roles(name):
                _drop_role(connection, role, say)
    say(f"dropped: {name}")


def distribute(dsn: str, name: str, *, rows: bool = False, say: Callable[[str], None] = say) -> None:
    """Put a school on a Citus cluster: whole on one node, or cut by the user's id over all of them.

    It is made unless it is there. To be cut, it has nobody in it; whole, it may be at work, and rests meanwhile.
    Raises SchoolError, MigrationError.
    """
    migrator = Migrator(dsn, schema=name, say=say)
    with db.connect(dsn, name) as connection:
        if not connection.execute("select from pg_extension where extname = 'citus'").rowcount:
            raise SchoolError("there is no Citus in this database: create extension citus, and add its nodes")
        if rows and name in names(dsn) and connection.execute("select from lockstep.users limit 1").rowcount:
            raise SchoolError(f"{name} has users: a school is cut before anybody is in it")
    create(dsn, name, say)
    with Backend(dsn, name, say) as backend, backend.lock():
        broken = backend.loader.broken_guards()
        backend.loader.run_file("citus/cluster.sql")
    # A new session has the settings of the database.
    with Backend(dsn, name, say) as backend, backend.lock(), backend.connection.transaction():
        if rows:
            backend.loader.drop_undefined()
        backend.loader.run_file(f"citus/{'rows' if rows else 'school'}.sql")
        if not rows:
            # The load asks the sentinel first, with these rights.
            backend.loader.run_file("citus/rights.sql")
    migrator.load()
    with Backend(dsn, name, say) as backend, backend.lock(), backend.connection.transaction():
        if rows:
            backend.loader.run_file("citus/keys.sql")
        # The step gave rights and took a hook: that is as installed now, but for what was broken before.
        backend.loader.record_guards(broken)


def closed(connection: db.Connection, schema: str) -> str | None:
    """Why a school takes no writes; None where it does."""
    row: tuple[str] | None = db.cursor_of(schema)(connection).execute(CLOSED).fetchone()
    return row[0] if row else None


def closing(connection: db.Connection, schema: str, reason: str) -> str:
    """The statements that close a school to writing, whoever writes: for its owner to run, in one transaction."""
    statement = sql.SQL(
        "create trigger refuse_closed before insert or update or delete or truncate on {table}"
        " for each statement execute function {schema}.refuse_closed({reason});\n"
        "alter table {table} enable always trigger refuse_closed;\n"
    )
    return "".join(
        statement.format(
            table=sql.Identifier(schema, table), schema=sql.Identifier(schema), reason=sql.Literal(reason)
        ).as_string(connection)
        for table in tables(connection, schema)
    )


def reopen(connection: db.Connection, schema: str) -> None:
    """Let a school be written to again."""
    for table in tables(connection, schema):
        name = sql.Identifier(schema, table)
        connection.execute(sql.SQL("drop trigger if exists refuse_closed on {}").format(name))


def tables(connection: db.Connection, schema: str) -> list[str]:
    """The names of a school's tables, in order."""
    return [name for (name,) in db.cursor_of(schema)(connection).execute(TABLES)]


def report(dsn: str) -> list[str]:
    """Make the views over all schools of a database anew, in the schema school_reports; return their names.

    school_reports_readonly may read them. A school that comes, goes or is upgraded asks for it again.
    """
    schools = names(dsn)
    if not schools:
        raise SchoolError("there is no school")
    owner, reader = (sql.Identifier(f"{REPORTS}_{role}") for role in ("owner", "readonly"))
    made = []
    with db.connect(dsn) as connection, connection.transaction():
        for role in (f"{REPORTS}_owner", f"{REPORTS}_readonly"):
            db.make_role(connection, role)
        drop_reports(connection)
        connection.execute(f"create schema if not exists {REPORTS}".encode())
        connection.execute(sql.SQL("grant usage, create on schema {} to {}").format(sql.Identifier(REPORTS), owner))
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(REPORTS), reader))
        for school in schools:
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(f"{school}_readonly"), owner))
        connection.execute(sql.SQL("grant {} to current_user").format(owner))
        connection.execute(sql.SQL("set local role {}").format(owner))
        for file in sorted((PROJECT / "sql" / "reports").glob("*.sql")):
            comment, _, text = file.read_text("utf-8").partition("\n")
            view = sql.Identifier(REPORTS, file.stem)
            parts = "\nunion all\n".join(rename(text, school) for school in schools)
            create_view = sql.SQL("create view {} as ").format(view).as_string(connection)
            connection.execute((create_view + parts).encode())
            connection.execute(
                sql.SQL("comment on view {} is {}").format(view, sql.Literal(comment.removeprefix("-- ")))
            )
            connection.execute(sql.SQL("grant select on {} to {}").format(view, reader))
            made.append(f"{REPORTS}.{file.stem}")
    return made


def drop_reports(connection: db.Connection) -> None:
    """Take the views over all schools away, where there are any: nothing can be dropped from under them."""
    rows = connection.execute("select viewname from pg_views where schemaname = %s", [REPORTS]).fetchall()
    for (view,) in rows:
        connection.execute(sql.SQL("drop view {}").format(sql.Identifier(REPORTS, view)))


def _check(dsn: str, name: str) -> None:
    if name not in names(dsn):
        raise SchoolError(f"there is no school {name}; there are: {', '.join(names(dsn)) or 'none'}")


def _drop_role(connection: db.Connection, role: str, say: Callable[[str], None]) -> None:
    if connection.execute("select to_regrole(%s)", [role]).fetchone() == (None,):
        return
    if connection.execute(ELSEWHERE, [role]).rowcount:
        say(f"another database needs it, so it stays: role {role}")
        return
    name = sql.Identifier(role)
    connection.execute(sql.SQL("drop owned by {}").format(name))
    connection.execute(sql.SQL("drop role {}").format(name))


# The commands ---------------------------------------------------------------------------------

school = Commands("school", help="Schools, a schema each: create, list, drop, move, report.")

name_argument = click.argument("name", callback=lambda _, __, value: _checked(value))


@school.command("create")
@name_argument
def create_command(name: str) -> None:
    """Install a school beside those that are there."""
    create(dsn(), name)
    say(f"it is served with LOCKSTEP_SCHEMA={name}")


@school.command("list")
@as_json
def list_command(machine: bool) -> None:
    """List the schools of the database; fail if one has a guard that is not as installed, or is closed."""
    found = find(dsn())
    show([asdict(one) for one in found], machine, "no school")
    sys.exit(1 if any(one.broken_guards for one in found) else 0)


@school.command("drop")
@name_argument
@click.option("--force", is_flag=True, help="End the sessions that use it.")
def drop_command(name: str, force: bool) -> None:
    """Drop a school for good, after its name was typed again."""
    where = dsn()
    _check(where, name)
    (found,) = [one for one in find(where) if one.name == name]
    click.echo(
        f"{name}: {counted(found.users, 'user')}, {found.bytes / 2**20:.1f} MiB, at {found.version}"
        + (f", closed: {found.closed}" if found.closed else "")
    )
    click.echo(f"what goes, for good: the schema, its roles ({', '.join(roles(name))}), its jobs of pg_cron")
    if click.prompt("The name again", default="", show_default=False) != name:
        raise click.ClickException("not dropped")
    drop(where, name, force=force)


@school.command("move")
@name_argument
@click.option("--to", "target", required=True, help="The DSN of the database that it goes to.")
@click.option("--drop", "drop_old", is_flag=True, help="Drop the old one, instead of leaving it closed to writing.")
def move_command(name: str, target: str, drop_old: bool) -> None:
    """Take a school to another database; writers wait meanwhile, and are refused here from then on."""
    from app import move

    rows = move.move(dsn(), target, name, drop_old=drop_old)
    show([asdict(row) for row in rows], False, "nothing to compare")


@school.command("distribute")
@name_argument
@click.option("--rows", is_flag=True, help="Cut it by the user's id, instead of putting it whole on one node.")
def distribute_command(name: str, rows: bool) -> None:
    """Put a school on a Citus cluster; see docs/scale-out.md for what is weaker there."""
    distribute(dsn(), name, rows=rows)


@school.command("report")
def report_command() -> None:
    """Make the views over all schools anew, in the schema school_reports."""
    for view in report(dsn()):
        click.echo(view)


def _checked(name: str) -> str:
    try:
        return check_name(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
