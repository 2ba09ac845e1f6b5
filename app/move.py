"""Taking a school to another database: dump, restore, compare, close here, open there.

Nothing is lost and nothing is written twice: the old tables are locked against writing from before the dump
until they are closed for good, in one transaction; the new ones are closed from the transaction that makes them
until the old ones are. Killed at any moment, the same call again goes on: a copy that had only arrived is made anew.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import db, schedule
from app.backup import BackupError, tool
from app.loader import Loader
from app.migrator import Backend
from app.postgres import say
from app.schema import roles
from app.schools import SchoolError, closed, closing, drop, drop_reports, names, reopen, tables
from app.settings import Settings

# Text of a row depends on these.
FORMS = "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set bytea_output = 'hex'"

# Whatever order the rows come in; 60 bits of each row's MD5 are added up, which numeric has room for.
SUM = """
select count(*), coalesce(sum(('x' || left(md5(one::text), 15))::bit(60)::bigint), 0)
from {} as one
"""

PLACE = (
    "select format('%s/%s', system.system_identifier, current_database()) from pg_catalog.pg_control_system() as system"
)

# What a role of a school may besides: to see what other sessions do.
PREDEFINED = """
select granted.rolname
from pg_catalog.pg_auth_members as membership
inner join pg_catalog.pg_roles as granted on granted.oid = membership.roleid
inner join pg_catalog.pg_roles as member on member.oid = membership.member
where member.rolname = %s and starts_with(granted.rolname, 'pg_')
"""

# How long the tables are waited for, and writers by them.
LOCK_TIMEOUT = "10s"


@dataclass(frozen=True)
class Table:
    """A table that moved: its rows, and their sum on both sides."""

    table: str
    rows: int
    sum: str


def move(
    source: str,
    target: str,
    schema: str,
    *,
    drop_old: bool = False,
    pgbin: Path | None = None,
    say: Callable[[str], None] = say,
) -> list[Table]:
    """Take a school from one database to another; return what was compared, a line a table.

    The old one stays, closed to writing, unless it is to be dropped. pgbin: the folder of pg_dump and psql, if
    they are of the version of the server that it leaves; a newer one says what that server cannot read back.
    Raises SchoolError, and psycopg.Error where a server does not answer or refuses.
    """
    with Backend(source, schema, say) as old, Backend(target, schema, say) as new:
        here, there = _place(old.connection), _place(new.connection)
        if here == there:
            raise SchoolError("that is the database it is in")
        if schema not in names(source):
            raise SchoolError(f"there is no school {schema}")
        with old.lock(), new.lock():
            gone, coming = f"moved to {there}", f"arriving from {here}"
            state, broken = closed(old.connection, schema), old.loader.broken_guards()
            if state is None:
                with old.connection.transaction():
                    _hold(old.connection, schema)
                    _clear(new.connection, schema, coming)
                    say("copying: reads go on, writers wait")
                    _copy_roles(old.connection, new.connection, schema)
                    _copy(source, target, schema, _programs(old.connection, pgbin), coming)
                    compared = compare(old.connection, new.connection, schema)
                    old.connection.execute(closing(old.connection, schema, gone).encode())
            elif state == gone:
                say("it was copied and closed here before")
                if schema not in names(target):
                    raise SchoolError(f"it moved to {there} before, and is not there any more")
                compared = compare(old.connection, new.connection, schema) if closed(new.connection, schema) else []
            else:
                raise SchoolError(f"it is closed: {state}")
            if closed(new.connection, schema) == coming:
                with new.connection.transaction():
                    reopen(new.connection, schema)
                    _settle(new.loader, broken)
    with suppress(schedule.NoCronError):
        for job in schedule.remove(source, schema):
            say(f"pg_cron here: {job}")
    say(f"{schema} is in {there} now: its jobs and logins are made there by `sync schedule` and `db logins`")
    if drop_old:
        drop(source, schema, say=say)
    return compared


def compare(old: db.Connection, new: db.Connection, schema: str) -> list[Table]:
    """Add up every table on both sides. Raises SchoolError where one differs."""
    if tables(old, schema) != tables(new, schema):
        raise SchoolError("not the same tables on both sides")
    compared = []
    for table in tables(old, schema):
        sums = [_sum(connection, schema, table) for connection in (old, new)]
        if sums[0] != sums[1]:
            raise SchoolError(f"{table} differs: rows and sum {sums[0]} here, {sums[1]} there")
        compared.append(Table(table, sums[0][0], f"{sums[0][1]:x}"))
    return compared


def _sum(connection: db.Connection, schema: str, table: str) -> tuple[int, int]:
    connection.execute(FORMS.encode())
    row = connection.execute(sql.SQL(SUM).format(sql.Identifier(schema, table))).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _place(connection: db.Connection) -> str:
    """Name a database in a way that does not depend on how it was reached."""
    row = connection.execute(PLACE.encode()).fetchone()
    assert row is not None
    return str(row[0])


def _hold(connection: db.Connection, schema: str) -> None:
    """Let nobody write until the transaction ends, nor lock rows on the way to writing."""
    connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'".encode())
    all_of_them = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables(connection, schema))
    try:
        connection.execute(sql.SQL("lock table {} in share row exclusive mode").format(all_of_them))
    except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
        raise SchoolError(f"a transaction has been writing for {LOCK_TIMEOUT}: try again") from error


def _clear(connection: db.Connection, schema: str, coming: str) -> None:
    """Take away what an attempt before this one left; refuse where there is anything else of this name."""
    if connection.execute("select to_regnamespace(%s)", [schema]).fetchone() == (None,):
        return
    if closed(connection, schema) != coming:
        raise SchoolError(f"there is a schema {schema} already")
    with connection.transaction():
        drop_reports(connection)
        connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))


def _copy_roles(old: db.Connection, new: db.Connection, schema: str) -> None:
    """Make the roles that hold rights; logins have passwords, and are made where they are used."""
    for role in roles(schema)[2:]:
        if old.execute("select to_regrole(%s)", [role]).fetchone() != (None,) and db.make_role(new, role):
            for (predefined,) in old.execute(PREDEFINED, [role]).fetchall():
                new.execute(sql.SQL("grant {} to {}").format(sql.Identifier(predefined), sql.Identifier(role)))


def _programs(connection: db.Connection, pgbin: Path | None) -> Path:
    """The folder of pg_dump and psql of the server's version."""
    try:
        major = connection.info.server_version // 10_000
        return tool("pg_dump", major, pgbin or Settings.from_environment().pgbin).parent
    except BackupError as error:
        raise SchoolError(str(error)) from None


def _copy(source: str, target: str, schema: str, pgbin: Path, coming: str) -> None:
    """Dump one schema and restore it, closed, in one transaction of its own."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "school.sql"
        _run(pgbin / "pg_dump", source, f"--schema={schema}", f"--file={dump}")
        with db.connect(source) as connection, dump.open("a", encoding="utf-8") as file:
            file.write(f"\n{closing(connection, schema, coming)}")
        _run(pgbin / "psql", target, "--no-psqlrc", "--quiet", "--single-transaction", *_ON_ERROR, f"--file={dump}")


_ON_ERROR = ("--set=ON_ERROR_STOP=1", "--output=/dev/null")


def _run(program: Path, dsn: str, *arguments: str) -> None:
    parts = conninfo_to_dict(dsn)
    password = str(parts.pop("password", os.environ.get("PGPASSWORD", "")))  # not for ps to see
    done = subprocess.run(
        [program, "--dbname", make_conninfo("", **parts), *arguments],
        env=os.environ | {"PGPASSWORD": password},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise SchoolError(f"{program.name}: {done.stderr.strip()}")


def _settle(loader: Loader, broken: list[str] | None) -> None:
    """Set what a dump does not keep: keys that fire ALWAYS, the search_path, what the sentinel takes for installed."""
    loader.set_search_path()
    loader.arm_keys()
    loader.record_guards(broken)
