"""What is done to a whole database: dump and restore, and logical replication."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.guarantees.hostile import TEMPLATE, Connection, Hostile, kinds_named, run
from tests.guarantees.matrix import COUPLED, NAMED, NO_HISTORY, SEEN, UNDETECTED
from tests.pairs import add_users, value
from tests.support import wait_until

COUPLED_TABLES = "lockstep.specialization_progress, lockstep.user_licenses"

# A history row for each level change there is: the pair's level is that of its last one.
UNRECORDED = """
select count(*)
from lockstep.user_licenses as license
where license.current_level <> coalesce(
    (
        select progression.to_level
        from lockstep.license_progressions as progression
        where progression.user_id = license.user_id
            and progression.user_license_id = license.id
            and progression.route <> 'client'
        order by progression.id desc
        limit 1
    ),
    1
)
"""


@dataclass(frozen=True)
class Event:
    """What was done, what became of the tables, and what the sentinel names then."""

    name: str
    outcome: str
    guards: tuple[str, ...]


def look(connection: Connection, name: str, refused: str = "") -> Event:
    """Judge a database by its tables, then by what the view and the sentinel say of it."""
    guards = kinds_named(connection)
    apart = value(
        connection,
        """
        select count(distinct id)
        from (
            (
                select student_id as id, specialization_id, current_level from lockstep.specialization_progress
                except select user_id, specialization_type, current_level from lockstep.user_licenses
            )
            union all
            (
                select user_id, specialization_type, current_level from lockstep.user_licenses
                except select student_id, specialization_id, current_level from lockstep.specialization_progress
            )
        ) as apart
        """,
    )
    if apart == 0:
        outcome = refused or (NO_HISTORY if value(connection, UNRECORDED) else COUPLED)
    elif apart == value(connection, "select count(*) from lockstep.desync"):
        outcome = SEEN
    else:
        outcome = NAMED if guards else UNDETECTED
    return Event(name, outcome, guards)


def populate(connection: Connection) -> None:
    """Nine users; one to six have a pair, five and six at level 1 without history."""
    add_users(connection, *range(1, 10))
    run(
        connection,
        "select lockstep.update_level(n, 'PLAYER', least(n, 5 - n % 5)) from generate_series(1, 4) as n",
        "select lockstep.update_level(n, 'PLAYER', 1) from generate_series(5, 6) as n",
    )


# Dump and restore -------------------------------------------------------------------------------


def restores(hostile: Hostile) -> Iterator[Event]:
    """What pg_restore leaves behind."""
    with hostile.database() as source, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dump"
        with hostile.connect(source) as connection:
            populate(connection)
        call(hostile, "pg_dump", "--format=custom", f"--file={file}", database=source)

        with hostile.database("template0") as target, hostile.connect(target) as connection:
            call(hostile, "pg_restore", file, database=target)
            yield look(connection, "`pg_restore` of the whole dump into an empty database")
            run(
                connection,
                "select lockstep.arm_keys()",
                f"alter database {target} set search_path = lockstep, public",
            )
            yield look(connection, "the same, then `arm_keys()` and the database's `search_path`")

        with hostile.database("template0") as target, hostile.connect(target) as connection:
            call(hostile, "pg_restore", "--schema-only", file, database=target)
            call(hostile, "pg_restore", "--data-only", "--disable-triggers", file, database=target)
            yield look(connection, "`pg_restore --schema-only`, then `--data-only --disable-triggers`")

        for option in "--disable-triggers", "", "--enable-row-security":
            with hostile.database() as target, hostile.connect(target) as connection:
                add_users(connection, *range(1, 10))
                options = ["--data-only", *filter(None, [option])]
                refused = call(
                    hostile, "pg_restore", *options, "--table=specialization_progress", file, database=target
                )
                yield look(connection, f"`pg_restore {' '.join(options)}` of `specialization_progress` alone", refused)


def call(hostile: Hostile, program: str, *options: str | Path, database: str) -> str:
    """Run pg_dump or pg_restore as a superuser; return the SQLSTATE that the server refused with, if any."""
    log_before = hostile.log_size()
    parts = conninfo_to_dict(hostile.server.dsn_for(database))
    password = str(parts.pop("password"))
    done = subprocess.run(
        [hostile.pgbin / program, "--dbname", make_conninfo("", **parts), *options],
        env=os.environ | {"PGPASSWORD": password},
        capture_output=True,
        encoding="utf-8",
    )
    refused = hostile.refused_since(log_before)
    assert (done.returncode == 0) == (not refused), done.stderr
    return refused


# Logical replication ----------------------------------------------------------------------------

THREE = f"{COUPLED_TABLES}, lockstep.license_progressions"


@dataclass(frozen=True)
class Replication:
    """A subscription: what is published, what is copied first, and who applies it (16 and later)."""

    what: str
    tables: str
    armed: bool
    copy_data: bool = False
    run_as_owner: bool = True
    rearms: bool = False


REPLICATIONS = (
    Replication("both tables and the history; keys armed", THREE, True),
    Replication("both tables and the history; keys not armed", THREE, False),
    Replication(
        "both tables and the history; keys armed, `run_as_owner` left at false (16+)", THREE, True, run_as_owner=False
    ),
    Replication("both tables without the history; keys armed", COUPLED_TABLES, True),
    Replication("`specialization_progress` alone; keys armed", "lockstep.specialization_progress", True),
    Replication("`specialization_progress` alone; keys not armed", "lockstep.specialization_progress", False),
    Replication("both tables and the history, `copy_data = true`; keys armed", THREE, True, True),
    Replication("both tables and the history, `copy_data = true`; keys not armed", THREE, False, True),
    Replication(
        "both tables and the history, `copy_data = true`; keys not armed, then `arm_keys()` and further writes",
        THREE,
        False,
        True,
        rearms=True,
    ),
)


def replications(hostile: Hostile) -> Iterator[Event]:
    """What a subscription leaves behind in the subscriber."""
    for replication in REPLICATIONS:
        if replication.run_as_owner or int(hostile.server.major) >= 16:
            with hostile.database() as source:
                with hostile.connect(source) as connection:
                    populate(connection)
                with subscriber(hostile, source, replication.copy_data) as connection:
                    if not replication.armed:
                        disarm(connection)
                    yield replicate(hostile, source, connection, replication)


@contextmanager
def subscriber(hostile: Hostile, source: str, copies: bool) -> Iterator[Connection]:
    """A database to apply changes in: as the source is now, or without pairs, to have them copied."""
    with hostile.database(TEMPLATE if copies else source) as target, hostile.connect(target) as connection:
        run(connection, f"alter database {target} set search_path = lockstep, public")
        if copies:
            add_users(connection, *range(1, 10))
        yield connection


def disarm(connection: Connection) -> None:
    """Leave the keys as an installation without a superuser does, and have that the baseline."""
    triggers = connection.execute("select table_name::text, trigger_name from lockstep.coupled_key_triggers")
    run(connection, *(f'alter table {table} enable trigger "{trigger}"' for table, trigger in triggers))
    run(connection, "select lockstep.record_guards()")


def replicate(hostile: Hostile, source: str, subscribed: Connection, replication: Replication) -> Event:
    """Publish the tables, write to them in every way, and see what arrives."""
    log_before = hostile.log_size()
    login = make_conninfo(hostile.server.dsn_for(source))
    options = f"create_slot = false, slot_name = attack, disable_on_error = true, copy_data = {replication.copy_data}"
    if int(hostile.server.major) >= 16:
        options += f", run_as_owner = {replication.run_as_owner}"
    with hostile.connect(source) as publisher:
        run(
            publisher,
            f"create publication attack for table {replication.tables}",
            "select pg_create_logical_replication_slot('attack', 'pgoutput')",
        )
        run(subscribed, f"create subscription attack connection '{login}' publication attack with ({options})")
        try:
            run(
                publisher,
                "select lockstep.update_level(1, 'PLAYER', 6)",
                "update lockstep.specialization_progress set current_level = 7 where student_id = 2",
                "update lockstep.user_licenses set current_level = 3 where user_id = 3",
                "delete from lockstep.user_licenses where user_id = 5",
                "insert into lockstep.specialization_progress (student_id, specialization_id, current_level)"
                " values (7, 'COACH', 2)",
            )
            refused = wait(publisher, subscribed, hostile, log_before)
            if replication.rearms:
                run(subscribed, "select lockstep.arm_keys()", "select lockstep.record_guards()")
                run(publisher, "update lockstep.user_licenses set current_level = 4")
                refused = wait(publisher, subscribed, hostile, log_before)
            event = look(subscribed, f"logical replication of {replication.what}", refused)
            if not refused and event.outcome != SEEN:
                assert levels(publisher) == levels(subscribed)
            return event
        finally:
            run(
                subscribed,
                "alter subscription attack disable",
                "alter subscription attack set (slot_name = none)",
                "drop subscription attack",
            )
            wait_until(
                publisher,
                lambda: value(publisher, "select count(*) from pg_replication_slots where active") == 0,
                "the slots are free",
            )
            run(publisher, "select pg_drop_replication_slot(slot_name) from pg_replication_slots")


def wait(publisher: Connection, subscribed: Connection, hostile: Hostile, log_before: int) -> str:
    """Return once all has arrived, or the SQLSTATE at which the subscription gave up."""
    lsn = publisher.execute("select pg_current_wal_lsn()").fetchone()
    stopped = "select count(*) from pg_subscription where not subenabled and subdbid = " + (
        "(select oid from pg_database where datname = current_database())"
    )

    def is_over() -> bool:
        if value(subscribed, stopped) > 0:
            return True
        arrived = publisher.execute(
            "select confirmed_flush_lsn >= %s from pg_replication_slots where slot_name = 'attack'", lsn
        ).fetchone()
        copied = "select count(*) from pg_subscription_rel where srsubstate <> 'r'"
        return arrived == (True,) and not value(subscribed, copied)

    wait_until(publisher, is_over, "the subscription has applied everything, or stopped")
    if not value(subscribed, stopped):
        return ""
    return hostile.refused_since(log_before)


def levels(connection: Connection) -> list[object]:
    """Every level there is, of both sides."""
    return connection.execute(
        "select student_id, specialization_id, current_level from lockstep.specialization_progress"
        " union all select user_id, specialization_type, current_level from lockstep.user_licenses"
        " order by 1, 2, 3"
    ).fetchall()
