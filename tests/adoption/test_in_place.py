"""A database of an older system becomes ours where it stands, every row accounted for, and can be given back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from app.migrator import MigrationError, Migrator, OldTablesError, dump
from app.postgres import Server
from app.takeover import Account, Report, give_back, take_over
from tests.adoption import legacy
from tests.conftest import WORKER
from tests.pairs import Connection, desyncs, history, level_up, levels, one, outcome, refused, rows, value
from tests.support import PREFIX, clients_left

ZONE = "Europe/Budapest"
FIVE = ("users", "specializations", "specialization_progress", "user_licenses", "license_progressions")

# What an old school has besides its tables: {role} is the login of its application.
AROUND = """
grant usage on schema public to {role};
grant select, insert, update, delete on all tables in schema public to {role};
grant usage on all sequences in schema public to {role};
alter table users owner to {role};
alter role {role} in database {database} set search_path = public;

create index ix_users_phone on users (phone);
create table bookings (id serial primary key, user_id integer not null references users (id) on delete cascade);
insert into bookings (user_id) select id from users where id <= 20;
create table certificates (id serial primary key, license_id integer references user_licenses (id));

create view leaders as
select u.id, u.name, p.current_level, p.updated_at
from users as u join specialization_progress as p on p.student_id = u.id;
create view first_leaders as select id, name from leaders where id < 100;
create materialized view level_counts as
select specialization_type, current_level, count(*) as holders from user_licenses group by 1, 2;
grant select on leaders, first_leaders to {role};
comment on view leaders is 'Who leads';
comment on column users.name is 'In full';

create function touch() returns trigger language plpgsql as $$ begin new.updated_at := now(); return new; end $$;
create trigger touch before update on user_licenses for each row execute function touch();

create function level_of(integer, text) returns integer language sql as
'select current_level from specialization_progress where student_id = $1 and specialization_id = $2';
create function qualified(integer) returns integer language sql as
'select max(current_level) from public.user_licenses where user_id = $1';
create function pinned() returns bigint language sql set search_path = public as 'select count(*) from user_licenses';
"""


@dataclass
class Old:
    """A database of an older system, and the role of its application."""

    dsn: str
    role: str
    manifest: legacy.Manifest

    @property
    def name(self) -> str:
        """Of the database."""
        return str(conninfo_to_dict(self.dsn)["dbname"])

    def migrator(self) -> Migrator:
        return Migrator(self.dsn, say=lambda _: None)

    def take_over(self, apply: bool = True) -> Report:
        return take_over(self.migrator(), apply=apply, zone=ZONE)

    def give_back(self, apply: bool = True) -> Report:
        return give_back(self.migrator(), apply=apply)

    @contextmanager
    def connect(self, role: str | None = None) -> Iterator[Connection]:
        """As the superuser; or as the old application's login, with the settings that a login gets."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            if role:
                settings = value(
                    connection,
                    "select string_agg(setting, e'\\n') from pg_db_role_setting as stored, unnest(setconfig) as setting"
                    " where setdatabase = (select oid from pg_database where datname = current_database())"
                    " and setrole = %s::regrole",
                    role,
                )
                for setting in (settings or "").splitlines():
                    name, _, stands = setting.partition("=")
                    connection.execute("select set_config(%s, %s, false)", [name, stands])
                connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(role)))
            yield connection


_number = count(1)


@contextmanager
def old_school(server: Server, admin: Connection, constrained: bool = False, users: int = 300) -> Iterator[Old]:
    name = f"{PREFIX}old_{WORKER}_{next(_number)}"
    database, role = sql.Identifier(name), sql.Identifier(f"{name}_app")
    admin.execute(sql.SQL("create database {}").format(database))
    admin.execute(sql.SQL("create role {} login").format(role))
    dsn = server.dsn_for(name)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            manifest = legacy.build(connection, users=users, constrained=constrained)
            connection.execute(AROUND.format(role=f"{name}_app", database=name).encode())
        yield Old(dsn, f"{name}_app", manifest)
        assert not clients_left(admin, name)
    finally:
        admin.execute(sql.SQL("drop database {} with (force)").format(database))
        admin.execute(sql.SQL("drop role {}").format(role))


@pytest.fixture(scope="module")
def taken(server: Server, admin: Connection) -> Iterator[tuple[Old, Report]]:
    """A school that was taken over, for the tests that leave it as it is, but for pairs of their own."""
    with old_school(server, admin) as old:
        yield old, old.take_over()


@pytest.fixture
def connection(taken: tuple[Old, Report]) -> Iterator[Connection]:
    with taken[0].connect() as connection:
        connection.execute("set search_path = lockstep, public")
        yield connection


@pytest.fixture
def client(taken: tuple[Old, Report]) -> Iterator[Connection]:
    """The old application, connected anew."""
    with taken[0].connect(taken[0].role) as connection:
        yield connection


# What came over ------------------------------------------------------------------------------


def test_every_row_is_kept_repaired_or_quarantined_and_every_sum_adds_up(taken: tuple[Old, Report]) -> None:
    old, report = taken
    accounts = {account.table: account for account in report.accounts}
    assert sorted(accounts) == sorted(FIVE)
    for table, account in accounts.items():
        assert account.adds_up
        assert account.found == old.manifest.rows[table]
    faults = old.manifest.faults
    users, progress, license = (accounts[n] for n in ("users", "specialization_progress", "user_licenses"))
    assert (users.quarantined, users.repaired) == (
        0,
        faults["user_same_mail"] + faults["user_no_mail"] + faults["user_unknown_role"],
    )
    assert progress.quarantined == sum(
        faults[f"progress_{fault}"] for fault in ("twice", "of_nobody", "unknown_specialization")
    )
    assert license.quarantined == sum(
        faults[f"license_{fault}"] for fault in ("twice", "of_nobody", "unknown_specialization")
    )
    assert (progress.made, license.made) == (faults["missing_progress"], faults["missing_license"])
    assert progress.xp_found == old.manifest.sums["specialization_progress.total_xp"]
    assert license.levels_found == old.manifest.sums["user_licenses.current_level"]
    assert accounts["license_progressions"].quarantined == sum(
        faults[f"history_{fault}"] for fault in ("of_no_license", "of_nobody", "null_level")
    )
    assert accounts["specializations"].repaired == faults["cap_above_rows"]


def test_a_sum_that_does_not_add_up_is_seen() -> None:
    fine = Account("t", 3, 1, 1, 0, 2, 10, 4, 0, 6, 5, 2, 0, 3)
    assert fine.adds_up
    assert not Account("t", 3, 1, 1, 0, 3, 10, 4, 0, 6, 5, 2, 0, 3).adds_up
    assert not Account("t", 3, 1, 1, 0, 2, 10, 4, 0, 7, 5, 2, 0, 3).adds_up
    assert not Account("t", 3, 1, 1, 0, 2, 10, 4, 0, 6, 5, 2, 0, 4).adds_up


def test_what_left_stands_whole_in_the_quarantine(taken: tuple[Old, Report], connection: Connection) -> None:
    where = taken[0].manifest.where
    for fault, table in (
        *(("progress_twice", "specialization_progress"), ("progress_of_nobody", "specialization_progress")),
        *(("license_twice", "user_licenses"), ("license_of_nobody", "user_licenses")),
        *(("history_of_no_license", "license_progressions"), ("history_null_level", "license_progressions")),
    ):
        kept = rows(
            connection,
            "select row_before from lockstep.quarantine"
            " where table_name = %s and row_id = any(%s::text[]) and row_after is null",
            table,
            [str(id) for id in where[fault]],
        )
        assert len(kept) == len(where[fault]) > 0, fault
        assert all({"id", *legacy.COLUMNS[table].split()} & row.row_before.keys() for row in kept)
        assert value(connection, f"select count(*) from lockstep.{table} where id = any(%s)", where[fault]) == 0
    losers = where["license_twice"]
    moved = rows(
        connection, "select moved_references from quarantine where row_id = any(%s::text[])", list(map(str, losers))
    )
    assert sorted(id for row in moved for id in row.moved_references) == sorted(where["history_of_loser"])


def test_what_stands_in_the_quarantine_of_a_person_is_exported_and_erased_with_them(
    taken: tuple[Old, Report], connection: Connection
) -> None:
    (person, *_), (remark, *_) = (taken[0].manifest.where[fault] for fault in ("user_same_mail", "history_null_level"))
    student = value(
        connection,
        "select user_id from quarantine where table_name = 'license_progressions' and row_id = %s",
        str(remark),
    )
    for user, table in ((person, "users"), (student, "license_progressions")):
        with connection.transaction(force_rollback=True):
            kept = "select row_before::text || row_after::text from quarantine where user_id = %s and table_name = %s"
            kept = kept.replace("row_after::text", "coalesce(row_after::text, '')")
            found = value(connection, kept, user, table)
            assert value(connection, "select export_user(1, %s) -> 'tables' -> 'quarantine'", user) is not None
            connection.execute("select erase_user(1, %s)", [user])
            assert value(connection, kept, user, table) != found
            assert "chool" not in value(connection, kept, user, table)
            assert '"requirements_met": "' not in value(connection, kept, user, table)
            assert '"advancement_reason": "' not in value(connection, kept, user, table)


def test_nobody_is_out_of_step_the_guards_are_intact_and_the_report_passes(connection: Connection) -> None:
    assert desyncs(connection) == 0
    assert rows(connection, "select kind, name, status from guard_status where status <> 'intact'") == []
    assert rows(connection, "select check_name, detail from deployment_report() where status = 'fail'") == []
    assert value(connection, "select max_levels from specializations where id = 'INTERNSHIP'") == 3


TABLE = re.compile(r"(?ms)^CREATE TABLE (\S+) \(\n(.*?)\n\)(.*?;)$")


def pieces(text: str) -> set[str]:
    """A dump as the set of its statements; of a table each column and constraint is one."""
    found = set()
    for name, columns, rest in TABLE.findall(text):
        found |= {f"{name}: {line.strip().rstrip(',')}" for line in columns.splitlines()}
        found.add(f"{name}: {rest}")
    text = re.sub(r"(?m)^--.*\n", "", TABLE.sub("", text))
    return found | {statement.strip() for statement in re.split(r";\n", text) if statement.strip()}


def test_the_schema_is_that_of_a_fresh_installation_but_for_what_the_old_one_had_more(
    taken: tuple[Old, Report], server: Server, admin: Connection, template: str, pgbin: Path
) -> None:
    name = f"{PREFIX}fresh_{WORKER}"
    admin.execute(f"create database {name} template {template}".encode())
    try:
        fresh = pieces(dump(server.dsn_for(name), pgbin / "pg_dump"))
    finally:
        admin.execute(f"drop database {name} with (force)".encode())
    here = pieces(dump(taken[0].dsn, pgbin / "pg_dump"))
    assert len(fresh) > 1000
    assert fresh - here == set()
    more = {
        piece
        for piece in here - fresh
        if "legacy_" not in piece.replace("lockstep_legacy", "") and not piece.endswith(f"TO {taken[0].role}")
    }
    assert more == {
        "lockstep.users: phone character varying(32)",
        "lockstep.users: date_of_birth date",
        "lockstep.specializations: description text",
        "lockstep.specialization_progress: achievement_points integer",
        "lockstep.user_licenses: badge_color character varying(20)",
        "CREATE INDEX ix_users_phone ON lockstep.users USING btree (phone)",
    }


def test_times_without_a_zone_are_read_in_the_one_that_was_said(
    taken: tuple[Old, Report], connection: Connection
) -> None:
    # Person 1 joined at some hour of a winter or a summer in Budapest: never at that hour of UTC.
    found = one(connection, "select created_at, created_at at time zone %s as local from users where id = 1", ZONE)
    assert found.created_at.astimezone(UTC).replace(tzinfo=None) < found.local


def test_the_old_level_tables_are_kept_under_another_name(connection: Connection) -> None:
    assert value(connection, "select count(*) from legacy_internship_levels") == 3
    assert value(connection, "select name from internship_levels where id = 1") == "Startup Explorer"


def test_new_ids_go_on_above_the_old_ones(connection: Connection) -> None:
    for table in ("users", "specialization_progress", "user_licenses", "license_progressions"):
        highest = value(connection, f"select max(id) from {table}")
        with connection.transaction(force_rollback=True):
            assert value(connection, "select nextval(pg_get_serial_sequence(%s, 'id'))", f"lockstep.{table}") > highest


# The repair ----------------------------------------------------------------------------------


def test_the_repair_of_pairs_is_a_run_with_a_history_row_for_each_level_that_changed(
    taken: tuple[Old, Report], connection: Connection
) -> None:
    manifest = taken[0].manifest
    run = one(connection, "select * from runs")
    issues = dict(
        rows(connection, "select issue_type, count(*) from run_items where run_id = %s group by 1", run.run_id)
    )
    assert (run.status, run.dry_run, run.reason) == ("success", False, "take-over")
    assert issues["missing_license"] == manifest.faults["missing_license"]
    assert issues["missing_progress"] == manifest.faults["missing_progress"]
    assert issues["level_mismatch"] >= manifest.faults["progress_higher"] + manifest.faults["license_higher"]
    for fault, side, change in (
        ("progress_higher", "specialization_progress", (2, 4)),
        ("license_higher", "user_licenses", (5, 5)),
    ):
        for id in manifest.where[fault]:
            user = "student_id" if side == "specialization_progress" else "user_id"
            spec = "specialization_id" if side == "specialization_progress" else "specialization_type"
            pair = one(connection, f"select {user}, {spec} from {side} where id = %s", id)
            repairs = [row for row in history(connection, *pair) if row[2] == "repair"]
            assert repairs[0][1] == change[1]
            assert levels(connection, *pair) == (change[1], change[1])


def test_the_run_of_the_take_over_can_be_undone(connection: Connection) -> None:
    item = one(
        connection,
        "select * from run_items where issue_type = 'level_mismatch' and action = 'update_license'"
        " order by user_id limit 1",
    )
    with connection.transaction(force_rollback=True):
        undo = value(connection, "select id from plan_undo(%s)", item.run_id)
        connection.execute("select start_sync(%s)", [undo])
        while value(connection, "select apply_sync_batch(%s)", undo) is not None:
            pass
        assert levels(connection, item.user_id, item.specialization) == (item.license_level, item.license_level)
        outcomes = {row.outcome for row in rows(connection, "select outcome from run_items where run_id = %s", undo)}
        assert outcomes == {"undone_in_step"}


# The old application -------------------------------------------------------------------------


def pair_of(connection: Connection, level: int = 1, specialization: str = "PLAYER") -> int:
    """A user of the old application with a pair at this level, made by its own SQL."""
    user: int = value(
        connection,
        "insert into users (name, email, role, is_active, phone, created_at) values"
        " ('New', 'new' || random()::text || '@school.example', 'student', true, '1', now()) returning id",
    )
    connection.execute(
        "insert into specialization_progress (student_id, specialization_id, current_level, achievement_points)"
        " values (%s, %s, %s, 7)",
        [user, specialization, level],
    )
    return user


def test_the_old_applications_plain_sql_goes_on_and_is_coupled(client: Connection, connection: Connection) -> None:
    user = pair_of(client)
    with client.transaction():
        found = one(client, "select * from specialization_progress where student_id = %s for update", user)
        assert (found.current_level, found.total_xp, found.achievement_points) == (1, 0, 7)
        license = one(client, "select * from user_licenses where user_id = %s for update", user)
        client.execute(
            "update specialization_progress set current_level = 2, total_xp = 25000 where id = %s", [found.id]
        )
        client.execute(
            "update user_licenses set current_level = 2, max_achieved_level = 2, badge_color = 'gold' where id = %s",
            [license.id],
        )
        client.execute(
            "insert into license_progressions (user_license_id, from_level, to_level, advanced_by, advancement_reason,"
            " requirements_met, advanced_at) values (%s, 1, 2, 1, 'Assessment', 'xp', now())",
            [license.id],
        )
    assert levels(connection, user) == (2, 2)
    assert history(connection, user) == [(1, 2, "raw_sql"), (1, 2, "client")]
    client.execute("update user_licenses set current_level = 3 where user_id = %s", [user])
    assert levels(connection, user) == (3, 3)
    level_up(connection, user, "PLAYER", 100_000, 30)
    assert one(client, "select current_level from user_licenses where user_id = %s", user).current_level > 3
    assert desyncs(connection) == 0


def test_the_old_application_gets_the_rights_of_the_legacy_role_and_no_more(client: Connection) -> None:
    assert outcome(client, "truncate user_licenses") == "42501"
    assert outcome(client, "alter table user_licenses disable trigger user") == "42501"
    assert outcome(client, "delete from license_progressions") == "42501"
    assert outcome(client, "update specialization_levels set required_xp = 0") == "42501"
    assert outcome(client, "select lockstep.update_level(1, 'PLAYER', 8)") == "42501"
    user = pair_of(client)
    assert outcome(client, f"update specialization_progress set current_level = 9 where student_id = {user}") == "23503"


def test_views_tables_and_functions_around_go_on_over_the_moved_tables(
    client: Connection, connection: Connection
) -> None:
    user = pair_of(client, 4)
    assert one(client, "select current_level from leaders where id = %s", user).current_level == 4
    assert value(connection, "select count(*) from first_leaders") > 0
    assert value(connection, "select obj_description('public.leaders'::regclass)") == "Who leads"
    connection.execute("refresh materialized view public.level_counts")
    assert value(client, "select level_of(%s, 'PLAYER')", user) == 4
    assert value(connection, "select confdeltype from pg_constraint where conname = 'bookings_user_id_fkey'") == "c"
    with refused("23503"):
        connection.execute("insert into bookings (user_id) values (987654)")


class Base(DeclarativeBase):
    """The models of an older application: int keys, times without a zone."""


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]


class Progress(Base):
    __tablename__ = "specialization_progress"
    id: Mapped[int] = mapped_column(primary_key=True)
    student_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    specialization_id: Mapped[str]
    current_level: Mapped[int]
    total_xp: Mapped[int]
    theory_hours_completed: Mapped[float]
    last_activity: Mapped[datetime | None]


class License(Base):
    __tablename__ = "user_licenses"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    specialization_type: Mapped[str]
    current_level: Mapped[int]
    max_achieved_level: Mapped[int]


class Progression(Base):
    __tablename__ = "license_progressions"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_license_id: Mapped[int]
    from_level: Mapped[int | None]
    to_level: Mapped[int]
    advancement_reason: Mapped[str | None]


def test_models_of_the_old_application_lock_change_and_insert_as_before(
    taken: tuple[Old, Report], client: Connection, connection: Connection
) -> None:
    old = taken[0]
    user = pair_of(client, specialization="COACH")
    other = pair_of(client)

    def connected() -> Any:
        connection = psycopg.connect(old.dsn)
        connection.execute("set search_path = lockstep, public")
        connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(old.role)))
        connection.commit()
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connected)
    with Session(engine) as session:
        progress = session.scalars(select(Progress).where(Progress.student_id == user).with_for_update()).one()
        license = session.scalars(select(License).where(License.user_id == user).with_for_update()).one()
        progress.current_level = license.current_level = license.max_achieved_level = 2
        progress.total_xp += 500
        progress.theory_hours_completed = 12.5
        progress.last_activity = datetime.now()
        session.add(Progression(user_license_id=license.id, from_level=1, to_level=2, advancement_reason="exam"))
        session.add(License(user_id=other, specialization_type="COACH", current_level=3, max_achieved_level=3))
        session.commit()
        assert progress.total_xp == 500
    engine.dispose()
    assert levels(connection, user, "COACH") == (2, 2)
    assert levels(connection, other, "COACH") == (3, 3)
    assert [route for *_, route in history(connection, user, "COACH")] == ["raw_sql", "client"]
    assert desyncs(connection) == 0


# The report ----------------------------------------------------------------------------------


def told(report: Report, part: str) -> dict[str, str]:
    return {line.subject: line.detail for line in report.lines if line.part == part}


def test_the_report_names_what_breaks_what_is_kept_and_who_gets_which_rights(taken: tuple[Old, Report]) -> None:
    old, report = taken
    breaks = told(report, "breaks")
    assert "user_licenses" in breaks["function public.qualified(integer)"]
    assert {
        "function public.pinned()",
        "key of another table certificates_license_id_fkey on public.certificates",
        "trigger touch on user_licenses",
        "table player_levels",
        "column users.created_at",
    } <= breaks.keys()
    assert "function public.level_of(integer,text)" not in breaks
    assert "view leaders" not in breaks
    assert {"column users.phone", "key bookings_user_id_fkey on public.bookings"} <= told(report, "kept").keys()
    assert {"view public.leaders", "view public.first_leaders", "materialized view public.level_counts"} == told(
        report, "made again"
    ).keys()
    assert old.role in told(report, "rights")


# The way back --------------------------------------------------------------------------------


def contents(old: Old, schema: str = "public") -> dict[str, list[Any]]:
    with old.connect() as connection:
        return {
            table: [
                row.found
                for row in rows(
                    connection, f"select to_jsonb(t) as found from {schema}.{table} as t order by t.id::text"
                )
            ]
            for table in (*legacy.TABLES, "bookings", "certificates")
        }


def test_a_dry_run_and_the_way_there_and_back_leave_the_old_database_as_it_was(
    server: Server, admin: Connection, pgbin: Path
) -> None:
    with old_school(server, admin) as old:

        def look() -> tuple[str, Any]:
            found = dump(old.dsn, pgbin / "pg_dump", "public"), contents(old)
            # The report names who is connected, and a session ends a moment after its client.
            assert not clients_left(admin, old.name)
            return found

        schema, before = look()
        would = old.take_over(apply=False)
        assert look() == (schema, before)

        did = old.take_over()
        assert [vars(account) for account in did.accounts] == [vars(account) for account in would.accounts]
        assert told(did, "breaks") == told(would, "breaks")
        with pytest.raises(MigrationError):
            old.take_over()

        losses = old.give_back(apply=False)
        lost = told(losses, "lost").keys()
        assert {"license_progressions", "specialization_levels", "sync_runs", "sync_run_items"} <= lost
        assert not {"projects", "credentials", "idempotency_keys"} & lost
        old.give_back()
        assert look() == (schema, before)
        with old.connect() as connection:
            assert value(connection, "select to_regnamespace('lockstep') is null")
            assert rows(
                connection,
                "select setting from pg_db_role_setting, unnest(setconfig) as setting where setrole = %s::regrole",
                old.role,
            ) == [("search_path=public",)]
            assert not value(connection, "select pg_has_role(%s, 'lockstep_legacy', 'member')", old.role)
        with pytest.raises(MigrationError):
            old.give_back()


def test_what_was_written_since_stays_when_the_tables_are_given_back(
    server: Server, admin: Connection, pgbin: Path
) -> None:
    with old_school(server, admin, constrained=True, users=200) as old:
        schema = dump(old.dsn, pgbin / "pg_dump", "public")
        old.take_over()
        with old.connect(old.role) as client, old.connect() as connection:
            user = pair_of(client, 2)
            repaired = one(
                connection,
                "select user_id, specialization from lockstep.run_items where action = 'update_license' limit 1",
            )
            level_up(connection, user, "PLAYER", 50)
            connection.execute("select lockstep.update_level(%s, %s, 6)", list(repaired))
        losses = old.give_back()
        assert "license_progressions" in told(losses, "lost")
        assert "user_licenses" in told(losses, "stays")
        assert dump(old.dsn, pgbin / "pg_dump", "public") == schema
        with old.connect(old.role) as client:
            found = one(
                client, "select current_level, total_xp from specialization_progress where student_id = %s", user
            )
            assert tuple(found) == (2, 50)
            key = "user_id = %s and specialization_type = %s"
            assert value(client, f"select current_level from user_licenses where {key}", *repaired) == 6
            # And the old sequence goes on above what ours gave out.
            assert pair_of(client) > user


# What is refused -----------------------------------------------------------------------------


def test_a_migration_beside_old_tables_is_refused_unless_asked_for(
    server: Server, admin: Connection, pgbin: Path
) -> None:
    with old_school(server, admin, users=200) as old:
        before = dump(old.dsn, pgbin / "pg_dump", "public")
        with pytest.raises(OldTablesError):
            old.migrator().migrate()
        with old.connect() as connection:
            assert value(connection, "select to_regnamespace('lockstep') is null")

            # Somebody reads one of the tables in a transaction that does not end.
            with connection.transaction():
                connection.execute("select count(*) from users")
                with pytest.raises(MigrationError):
                    take_over(old.migrator(), apply=True, lock_timeout="10ms")

            with pytest.raises(MigrationError):
                take_over(old.migrator(), apply=True, zone="Nowhere/Land")
            # What the server has bound to a column whose type changes.
            for thing, made in (
                (
                    "function holders()",
                    "function holders() returns bigint begin atomic"
                    " select count(*) from specialization_progress where current_level > 1; end",
                ),
                (
                    "policy own on bookings",
                    "policy own on bookings using (exists (select from users where users.id = bookings.user_id))",
                ),
            ):
                connection.execute(f"create {made}".encode())
                with pytest.raises(MigrationError) as bound:
                    old.take_over()
                assert bound.value.__cause__ is None
                connection.execute(f"drop {thing}".encode())
            connection.execute("alter table license_progressions drop constraint license_progressions_pkey")
            connection.execute("insert into license_progressions (id, to_level) values (1, 1)")
            with pytest.raises(MigrationError):
                old.take_over()
            connection.execute(
                "delete from license_progressions where to_level = 1 and user_license_id is null and id = 1"
            )
            connection.execute(
                "alter table license_progressions add constraint license_progressions_pkey primary key (id)"
            )
        assert dump(old.dsn, pgbin / "pg_dump", "public") == before

        beside = Migrator(old.dsn, say=lambda _: None, beside=True)
        assert beside.migrate("0001") == ["0001-baseline-tables"]
        assert dump(old.dsn, pgbin / "pg_dump", "public") == before


def test_a_database_without_the_coupled_tables_is_none_of_an_older_system(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("create table users (id integer primary key)")
    assert Migrator(empty_database).migrate("0001") == ["0001-baseline-tables"]
    with pytest.raises(MigrationError):
        take_over(Migrator(empty_database), apply=True)
