"""Migrations and the loading of functions, on small made-up sets and on the real one."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.loader import read_sources
from app.migrator import (
    Backend,
    DriftError,
    LockTimeoutError,
    MigrationError,
    Migrator,
    dump,
)
from app.settings import PROJECT
from tests.support import DEADLINE, wait_until

FIRST, SECOND = "0001-goods", "0002-prices"

Start = Callable[[str], "subprocess.Popen[str]"]

INDEX = {
    "migrations/0003-index.sql": """-- An index without a stop.
-- transactional: false
drop index concurrently if exists lockstep.ix_goods_name;
create index concurrently ix_goods_name on lockstep.goods (name);
""",
    "migrations/0003-index.rollback.sql": "drop index concurrently if exists lockstep.ix_goods_name;",
}

SET = {
    "migrations/0001-goods.sql": """
        create table lockstep.goods (id bigint generated always as identity, name text not null);
        create type lockstep.label as (name text);
        """,
    "migrations/0001-goods.rollback.sql": """
        drop type lockstep.label;
        drop table lockstep.goods;
        """,
    "migrations/0002-prices.sql": """
        alter table lockstep.goods add column price numeric;
        do $$ begin raise notice 'goods without a price: %', 3; end $$;
        """,
    "migrations/0002-prices.rollback.sql": "alter table lockstep.goods drop column price;",
    "views/cheap.sql": """-- after: is_cheap
        create or replace view lockstep.cheap as
        select goods.id, goods.name from lockstep.goods as goods
        where lockstep.is_cheap(goods.id);
        """,
    "functions/is_cheap.sql": """
        create or replace function lockstep.is_cheap(p_id bigint) returns boolean
        language sql as 'select p_id < 3';
        """,
    "functions/find_cheap.sql": """
        create or replace function lockstep.find_cheap() returns setof lockstep.cheap
        language sql as 'select * from lockstep.cheap';
        """,
    "functions/guard_goods.sql": """
        create or replace function lockstep.guard_goods() returns trigger
        language plpgsql as $$ begin return new; end $$;
        create or replace trigger guard_goods before insert on lockstep.goods
        for each row execute function lockstep.guard_goods();
        drop policy if exists see_goods on lockstep.goods;
        create policy see_goods on lockstep.goods using (lockstep.is_cheap(id));
        """,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder like sql/, with the made-up set; the name is one that a glob would misread."""
    root = tmp_path / "sql [1]"
    write(root, SET)
    return root


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def migrator(empty_database: str, root: Path, said: list[str]) -> Migrator:
    return Migrator(empty_database, root, say=said.append, lock_timeout=DEADLINE)


@pytest.fixture
def real(empty_database: str) -> Migrator:
    return Migrator(empty_database)


@pytest.fixture
def session(empty_database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def dumped(pgbin: Path, empty_database: str) -> Callable[[], str]:
    return lambda: dump(empty_database, pgbin / "pg_dump")


@pytest.fixture
def start(migrator: Migrator) -> Iterator[Start]:
    """Runs code in another process, where `migrator` is one like this and `result` is printed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        program = f"""
import json, os, signal
from pathlib import Path
from app.migrator import Backend, Migrator
migrator = Migrator({migrator.dsn!r}, Path({str(migrator.root)!r}), lock_timeout={DEADLINE})
result = None
{code}
print(json.dumps(result))
"""
        process = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def rows(session: psycopg.Connection[Any], query: str) -> list[Any]:
    """The first column."""
    return [row[0] for row in session.execute(query.encode())]


def applied(session: psycopg.Connection[Any]) -> list[str]:
    return rows(session, "select migration_id from lockstep.schema_migrations order by 1")


def objects(session: psycopg.Connection[Any]) -> set[str]:
    """What the loader is responsible for."""
    return set(
        rows(
            session,
            """
            select proc.oid::regprocedure::text from pg_proc as proc
            where proc.pronamespace = 'lockstep'::regnamespace
            union all
            select 'view ' || class.relname from pg_class as class
            where class.relnamespace = 'lockstep'::regnamespace and class.relkind = 'v'
            union all
            select 'trigger ' || tg.tgname from pg_trigger as tg where not tg.tgisinternal
            union all
            select 'policy ' || pol.polname from pg_policy as pol
            """,
        )
    )


ALL_OBJECTS = {
    "view cheap",
    "lockstep.is_cheap(bigint)",
    "lockstep.find_cheap()",
    "lockstep.guard_goods()",
    "trigger guard_goods",
    "policy see_goods",
}


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Wait for a process; return its exit code and what it printed."""
    text, _ = process.communicate(timeout=5 * DEADLINE)
    return process.returncode, text


# Applying -----------------------------------------------------------------------------------


def test_migrations_are_applied_once_in_order_and_logged(migrator: Migrator, session: psycopg.Connection[Any]) -> None:
    assert migrator.migrate() == [FIRST, SECOND]
    assert migrator.migrate() == []
    assert applied(session) == [FIRST, SECOND]
    log = "select operation || ' ' || migration_id from lockstep.schema_migration_log order by"
    assert rows(session, f"{log} created_at_utc") == [f"apply {FIRST}", f"apply {SECOND}"]


def test_a_target_is_the_last_one_applied(migrator: Migrator) -> None:
    assert migrator.migrate("0001") == [FIRST]
    assert migrator.migrate(SECOND) == [SECOND]


def test_an_unknown_target_is_refused(migrator: Migrator) -> None:
    for target in ("0003", "", "000"):
        with pytest.raises(MigrationError):
            migrator.migrate(target)


def test_what_a_migration_raises_is_told_and_nothing_else_of_the_server(migrator: Migrator, said: list[str]) -> None:
    migrator.migrate()
    assert said == [f"applying {FIRST}", f"applying {SECOND}", "NOTICE: goods without a price: 3"]


def test_status_tells_what_is_applied_and_what_is_pending(migrator: Migrator) -> None:
    assert [(one.id, one.pending) for one in migrator.status()] == [(FIRST, True), (SECOND, True)]
    migrator.migrate("0001")
    assert [(one.id, one.pending) for one in migrator.status()] == [(FIRST, False), (SECOND, True)]
    assert migrator.head() == SECOND


def test_a_failing_migration_leaves_nothing_and_names_its_line(
    migrator: Migrator, root: Path, session: psycopg.Connection[Any]
) -> None:
    write(root, {f"migrations/{SECOND}.sql": "create table lockstep.half ();\n\nselect nothing;"})
    with pytest.raises(MigrationError, match=rf"^{SECOND}\.sql:3: ") as raised:
        migrator.migrate()
    assert isinstance(raised.value.__cause__, psycopg.errors.UndefinedColumn)
    assert applied(session) == [FIRST]
    assert rows(session, "select to_regclass('lockstep.half')") == [None]


def crash_at(id: str) -> Callable[..., None]:
    """A mark_one() that does not come to marking this migration."""
    original = Backend.mark_one

    def mark_one(self: Backend, migration: Any, log: bool = False) -> None:
        if migration.id == id:
            raise RuntimeError
        original(self, migration, log)

    return mark_one


def test_an_error_between_apply_and_mark_leaves_neither(
    migrator: Migrator, session: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Backend, "mark_one", crash_at(FIRST))
        with pytest.raises(RuntimeError):
            migrator.migrate()
    assert rows(session, "select to_regclass('lockstep.goods')") == [None]
    assert applied(session) == []
    assert migrator.migrate() == [FIRST, SECOND]


def test_a_kill_between_apply_and_mark_leaves_neither(
    migrator: Migrator, start: Start, session: psycopg.Connection[Any]
) -> None:
    killed = start(
        "Backend.mark_one = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\nmigrator.migrate()",
    )
    assert finish(killed) == (-signal.SIGKILL, "")
    assert rows(session, "select to_regclass('lockstep.goods')") == [None]
    assert migrator.migrate() == [FIRST, SECOND]


def test_a_migration_that_is_not_transactional_runs_again_after_a_crash(
    migrator: Migrator,
    root: Path,
    session: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(root, INDEX)
    with monkeypatch.context() as patch:
        patch.setattr(Backend, "mark_one", crash_at("0003-index"))
        with pytest.raises(RuntimeError):
            migrator.migrate()
    assert rows(session, "select to_regclass('lockstep.ix_goods_name')") != [None]
    assert applied(session) == [FIRST, SECOND]
    assert migrator.migrate() == ["0003-index"]

    migrator.load()
    assert migrator.rollback() == ["0003-index"]
    assert rows(session, "select to_regclass('lockstep.ix_goods_name')") == [None]
    assert applied(session) == [FIRST, SECOND]


# Frozen files -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [f"{FIRST}.sql", f"{FIRST}.rollback.sql"])
def test_an_edited_file_of_an_applied_migration_is_refused(migrator: Migrator, root: Path, name: str) -> None:
    migrator.migrate("0001")
    path = root / "migrations" / name
    path.write_text(path.read_text() + "-- a harmless remark\n")
    with pytest.raises(DriftError, match=rf"\b{name}$"):
        migrator.migrate()
    with pytest.raises(DriftError):
        migrator.rollback()
    first, second = migrator.status()
    assert first.problem is not None
    assert second.problem is None
    assert second.pending


def test_an_applied_migration_without_files_is_refused(migrator: Migrator, root: Path) -> None:
    migrator.migrate()
    for path in (root / "migrations").glob(f"{FIRST}*"):
        path.unlink()
    with pytest.raises(DriftError, match=FIRST):
        migrator.migrate()
    assert [one.problem is None for one in migrator.status()] == [False, True]


def test_a_migration_without_a_rollback_is_refused(migrator: Migrator, root: Path) -> None:
    (root / "migrations" / f"{SECOND}.rollback.sql").unlink()
    with pytest.raises(MigrationError):
        migrator.migrate()


def test_a_migration_that_comes_too_late_for_its_number_is_refused(
    migrator: Migrator, root: Path, session: psycopg.Connection[Any]
) -> None:
    migrator.migrate()
    write(root, {f"migrations/0001-late{end}.sql": "select 1" for end in ("", ".rollback")})
    with pytest.raises(MigrationError):
        migrator.migrate()
    assert applied(session) == [FIRST, SECOND]


# The lock -----------------------------------------------------------------------------------


def test_four_migrators_at_once_on_an_empty_database_apply_each_migration_once(
    migrator: Migrator, start: Start, root: Path, session: psycopg.Connection[Any]
) -> None:
    write(root, INDEX)
    four = [start("result = migrator.migrate(); migrator.load()") for _ in range(4)]
    results = [finish(one) for one in four]
    assert [code for code, _ in results] == [0, 0, 0, 0]
    assert sorted(json.loads(text) for _, text in results) == [
        [],
        [],
        [],
        [FIRST, SECOND, "0003-index"],
    ]
    assert rows(session, "select count(*) from lockstep.schema_migration_log") == [3]
    assert objects(session) == ALL_OBJECTS


def test_a_migrator_that_waits_tells_for_whom_and_gives_up_in_time(migrator: Migrator, said: list[str]) -> None:
    with migrator._locked() as holder:
        pid = holder.connection.info.backend_pid
        migrator.lock_timeout = 0.2
        with pytest.raises(LockTimeoutError, match=rf"\b{pid}\b"):
            migrator.migrate()
    assert len([line for line in said if str(pid) in line]) == 1
    assert migrator.migrate() == [FIRST, SECOND]


def test_a_migrator_of_another_schema_does_not_wait(migrator: Migrator) -> None:
    other = Migrator(migrator.dsn, migrator.root, schema="school", lock_timeout=0)
    with migrator._locked():
        assert other.migrate() == [FIRST, SECOND]


def test_the_lock_of_a_killed_migrator_is_free_although_its_statement_was_running(
    migrator: Migrator, start: Start, root: Path, session: psycopg.Connection[Any]
) -> None:
    path = root / "migrations" / f"{FIRST}.sql"
    text = path.read_text()
    path.write_text(text + "select pg_sleep(600);")
    victim = start("migrator.migrate()")
    sleeping = "select pid from pg_stat_activity where wait_event = 'PgSleep'"
    in_it = f"{sleeping} and datname = current_database()"
    wait_until(session, lambda: bool(rows(session, in_it)), "the victim is in its statement")
    victim.kill()
    assert finish(victim) == (-signal.SIGKILL, "")

    path.write_text(text)
    assert migrator.migrate() == [FIRST, SECOND]


def test_a_migrator_that_waits_does_not_hold_up_a_concurrent_index_of_the_one_at_work(
    migrator: Migrator, start: Start, root: Path, session: psycopg.Connection[Any]
) -> None:
    migrator.migrate()
    write(root, INDEX)
    session.execute("begin; lock table lockstep.goods in row exclusive mode")
    at_work = start("result = migrator.migrate()")
    building = (
        "select pid from pg_stat_activity"
        " where query like 'create index concurrently%' and datname = current_database()"
    )
    with psycopg.connect(migrator.dsn, autocommit=True) as watcher:
        blocked = f"{building} and wait_event_type = 'Lock'"
        wait_until(watcher, lambda: bool(rows(watcher, blocked)), "the index waits")
    is_waiting = threading.Event()
    waiting = Migrator(migrator.dsn, root, say=lambda _: is_waiting.set(), lock_timeout=DEADLINE)
    result: list[list[str]] = []
    thread = threading.Thread(target=lambda: result.append(waiting.migrate()), daemon=True)
    thread.start()
    assert is_waiting.wait(DEADLINE)
    session.execute("commit")
    assert finish(at_work) == (0, '["0003-index"]\n')
    thread.join(DEADLINE)
    assert result == [[]]


# Loading ------------------------------------------------------------------------------------


def test_functions_are_loaded_although_nothing_is_pending(
    migrator: Migrator, session: psycopg.Connection[Any], dumped: Callable[[], str]
) -> None:
    migrator.migrate()
    assert set(migrator.load()) == {name for name in SET if not name.startswith("migrations")}
    assert objects(session) == ALL_OBJECTS
    before = dumped()
    session.execute("drop policy see_goods on lockstep.goods")
    session.execute("drop function lockstep.guard_goods cascade")
    assert migrator.migrate() == []
    migrator.load()
    assert dumped() == before


def test_what_no_file_defines_any_more_is_dropped_and_told(
    migrator: Migrator, root: Path, session: psycopg.Connection[Any], said: list[str]
) -> None:
    migrator.migrate()
    migrator.load()
    session.execute(
        """
        create function lockstep.is_cheap(p_id bigint, p_limit bigint) returns boolean
        language sql as 'select true';
        create view lockstep.stale as
        select lockstep.is_cheap(goods.id, 1) as cheap, lockstep.is_cheap(2) as other,
            goods.name collate "C" as name, null::lockstep.label as label
        from lockstep.goods as goods;
        create function lockstep.find_stale() returns setof lockstep.stale
        language sql as 'select * from lockstep.stale';
        create trigger stale after delete on lockstep.goods
        for each row execute function lockstep.guard_goods();
        create policy stale on lockstep.goods using (lockstep.is_cheap(id, 1));
        """
    )
    said.clear()
    migrator.load()
    assert objects(session) == ALL_OBJECTS
    assert len(said) == 4

    (root / "functions" / "guard_goods.sql").unlink()
    migrator.load()
    assert objects(session) == ALL_OBJECTS - {
        "lockstep.guard_goods()",
        "trigger guard_goods",
        "policy see_goods",
    }


def test_what_an_extension_put_into_the_schema_stays(migrator: Migrator, session: psycopg.Connection[Any]) -> None:
    migrator.migrate()
    session.execute("create extension citext schema lockstep")
    before = objects(session)
    migrator.load()
    assert objects(session) == before | ALL_OBJECTS
    migrator.rollback()
    assert objects(session) == before


def test_a_file_that_fails_leaves_everything_as_it_was(
    migrator: Migrator, root: Path, dumped: Callable[[], str]
) -> None:
    migrator.migrate()
    migrator.load()
    before = dumped()
    is_cheap = SET["functions/is_cheap.sql"].replace("p_id < 3", "p_id < 4")
    write(root, {"functions/is_cheap.sql": is_cheap, "functions/last.sql": "\nselect nothing;"})
    with pytest.raises(MigrationError, match=r"^functions/last\.sql:2: "):
        migrator.load()
    assert dumped() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("functions/is_cheap.sql", "p_id", "p_goods_id"),
        ("functions/find_cheap.sql", "setof lockstep.cheap", "bigint"),
        ("functions/is_cheap.sql", "p_id bigint", "p_id bigint, p_other bigint default 0"),
        ("views/cheap.sql", "goods.id, goods.name", "goods.name as title"),
    ],
)
def test_what_create_or_replace_refuses_is_replaced_all_the_same(
    migrator: Migrator,
    root: Path,
    dumped: Callable[[], str],
    name: str,
    old: str,
    new: str,
) -> None:
    migrator.migrate()
    migrator.load()
    before = dumped()
    write(root, {name: SET[name].replace(old, new).replace("select * from lockstep.cheap", "select 1")})
    migrator.load()
    assert dumped() != before
    write(root, {name: SET[name]})
    migrator.load()
    assert dumped() == before


def test_what_somebody_else_built_on_a_view_is_not_dropped_with_it(
    migrator: Migrator, session: psycopg.Connection[Any], dumped: Callable[[], str]
) -> None:
    migrator.migrate()
    migrator.load()
    before = dumped()
    session.execute("create view public.mine as select cheap.id from lockstep.cheap as cheap")
    with pytest.raises(MigrationError) as raised:
        migrator.rollback()
    assert isinstance(raised.value.__cause__, psycopg.errors.DependentObjectsStillExist)
    assert dumped() == before
    assert applied(session) == [FIRST, SECOND]


def test_files_are_loaded_after_those_that_they_name(root: Path) -> None:
    assert [source.name for source in read_sources(root)] == [
        "is_cheap",
        "cheap",
        "find_cheap",
        "guard_goods",
    ]


@pytest.mark.parametrize("names", ["cheap", "is_cheap, nobody"])
def test_a_circle_and_an_unknown_name_are_refused(root: Path, names: str) -> None:
    write(root, {"functions/is_cheap.sql": f"-- after: {names}\n"})
    with pytest.raises(MigrationError):
        read_sources(root)


def test_the_schema_is_put_on_the_search_path_of_the_database(migrator: Migrator) -> None:
    migrator.migrate()
    migrator.load()
    with psycopg.connect(migrator.dsn) as later:
        assert rows(later, "show search_path") == ["lockstep, public"]


def test_a_search_path_that_somebody_else_set_is_left_alone_and_told(
    migrator: Migrator, session: psycopg.Connection[Any], said: list[str]
) -> None:
    session.execute(f"alter database {session.info.dbname} set search_path = mine".encode())
    migrator.migrate()
    said.clear()
    migrator.load()
    assert len(said) == 1
    with psycopg.connect(migrator.dsn) as later:
        assert rows(later, "show search_path") == ["mine"]


# Going down ---------------------------------------------------------------------------------


def test_up_down_and_up_again_gives_equal_dumps_at_each_step(migrator: Migrator, dumped: Callable[[], str]) -> None:
    migrator.migrate("0001")
    first = dumped()
    migrator.migrate()
    second = dumped()
    migrator.load()
    loaded = dumped()
    assert migrator.rollback() == [SECOND]
    assert dumped() == first
    migrator.migrate()
    assert dumped() == second
    migrator.load()
    assert dumped() == loaded
    migrator.load()
    assert dumped() == loaded


def test_going_down_loads_what_was_loaded_at_that_version(
    migrator: Migrator, root: Path, session: psycopg.Connection[Any], dumped: Callable[[], str]
) -> None:
    migrator.migrate("0001")
    migrator.load()
    first = dumped()
    migrator.migrate()
    costly = "create function lockstep.costly() returns lockstep.label language sql as 'select null'"
    write(
        root,
        {
            "functions/is_cheap.sql": SET["functions/is_cheap.sql"].replace("< 3", "< 4"),
            "functions/costly.sql": costly,
            "views/prices.sql": "create or replace view lockstep.prices as"
            " select goods.price from lockstep.goods as goods",
        },
    )
    migrator.load()
    assert migrator.rollback() == [SECOND]
    assert dumped() == first
    assert objects(session) == ALL_OBJECTS

    assert migrator.rollback("0") == [FIRST]
    assert objects(session) == set()
    assert rows(session, "select count(*) from lockstep.loaded_sources") == [0]


def test_a_rollback_that_fails_leaves_the_version_it_started_from(
    migrator: Migrator, root: Path, session: psycopg.Connection[Any], dumped: Callable[[], str]
) -> None:
    write(root, {f"migrations/{FIRST}.rollback.sql": "drop table lockstep.goods; select nothing"})
    migrator.migrate("0001")
    migrator.load()
    first = dumped()
    migrator.migrate()
    migrator.load()
    with pytest.raises(MigrationError):
        migrator.rollback("0")
    assert applied(session) == [FIRST]
    assert dumped() == first


# The real set -------------------------------------------------------------------------------


def test_each_step_of_the_real_set_down_and_up_gives_the_dump_of_the_way_up(
    real: Migrator, dumped: Callable[[], str]
) -> None:
    real.rollback("0")  # of nothing: makes the migrator's own tables
    ids = [one.id for one in real.status()]
    dumps = {"0": dumped()}
    for id in ids:
        assert real.migrate(id) == [id]
        dumps[id] = dumped()
    real.load()
    loaded = dumped()
    assert real.migrate() == []
    real.load()
    assert dumped() == loaded

    for id, below in zip(reversed(ids), [*reversed(ids[:-1]), "0"], strict=True):
        assert real.rollback() == [id]
        assert dumped() == dumps[below], f"{id} and its rollback"
    for id in ids:
        assert real.migrate(id) == [id]
        assert dumped() == dumps[id], f"{id} a second time"
    real.load()
    assert dumped() == loaded


def test_everything_belongs_to_the_role_that_it_is_due_to(real: Migrator, session: psycopg.Connection[Any]) -> None:
    real.migrate()
    real.load()
    owners = """
        select distinct pg_get_userbyid(class.relowner) from pg_class as class
        where class.relnamespace = 'lockstep'::regnamespace
        union
        select distinct pg_get_userbyid(type.typowner) from pg_type as type
        where type.typnamespace = 'lockstep'::regnamespace
        union
        select distinct pg_get_userbyid(proc.proowner) from pg_proc as proc
        where proc.pronamespace = 'lockstep'::regnamespace and not proc.prosecdef
        """
    assert rows(session, owners) == ["lockstep_owner"]
    owners = """
        select distinct pg_get_userbyid(proc.proowner) from pg_proc as proc
        where proc.pronamespace = 'lockstep'::regnamespace and proc.prosecdef
        """
    assert rows(session, owners) == ["lockstep_coupler"]
    may_create = "select has_schema_privilege('lockstep_coupler', 'lockstep', 'create')"
    assert rows(session, may_create) == [False]


def test_no_file_names_the_schema_in_a_way_that_another_name_does_not_follow(
    real: Migrator, dumped: Callable[[], str], pgbin: Path, session: psycopg.Connection[Any]
) -> None:
    school = Migrator(real.dsn, schema="birch")
    school.migrate()
    school.load()
    assert rows(session, "select to_regnamespace('lockstep')") == [None]
    as_school = dump(real.dsn, pgbin / "pg_dump", schema="birch")
    assert "lockstep" not in as_school
    school.rollback("0")
    session.execute("drop schema birch cascade")
    drop_roles(session, "birch")

    real.migrate()
    real.load()
    assert as_school.replace("birch", "lockstep") == dumped()


def test_the_sentinel_takes_an_upgrade_as_installed_but_damage_never(
    real: Migrator, session: psycopg.Connection[Any], tmp_path: Path
) -> None:
    not_intact = "select kind || ' ' || name from lockstep.guard_status where status <> 'intact'"
    shutil.copytree(real.root, tmp_path / "sql")
    upgraded = Migrator(real.dsn, tmp_path / "sql")
    upgraded.migrate()
    upgraded.load()
    assert rows(session, not_intact) == []

    session.execute("alter table lockstep.users drop constraint ck_users_role")
    damage = rows(session, not_intact)
    assert damage != []
    write(
        upgraded.root,
        {
            "migrations/9999-more.sql": "create table lockstep.more (id bigint primary key);",
            "migrations/9999-more.rollback.sql": "drop table lockstep.more;",
        },
    )
    upgraded.migrate()
    upgraded.load()
    assert rows(session, not_intact) == damage
    upgraded.rollback()
    upgraded.load()
    assert rows(session, not_intact) == damage


def test_a_new_table_with_deferred_checks_pending_still_gets_its_owner(
    real: Migrator, session: psycopg.Connection[Any], tmp_path: Path
) -> None:
    shutil.copytree(real.root, tmp_path / "sql")
    more = """
        create table lockstep.more (
            id bigint primary key,
            parent_id bigint references lockstep.more (id) deferrable initially deferred
        );
        insert into lockstep.more values (1, 1);
        """
    rollback = "drop table lockstep.more;"
    write(tmp_path / "sql", {"migrations/9999-more.sql": more, "migrations/9999-more.rollback.sql": rollback})
    Migrator(real.dsn, tmp_path / "sql").migrate()
    owner = "select pg_get_userbyid(relowner) from pg_class where oid = 'lockstep.more'::regclass"
    assert rows(session, owner) == ["lockstep_owner"]


def test_an_installer_who_is_no_superuser_can_go_up_and_down(
    real: Migrator, session: psycopg.Connection[Any], pgbin: Path
) -> None:
    session.execute("create role academy_installer login createrole password 'academy'")
    session.execute(f"grant create on database {session.info.dbname} to academy_installer".encode())
    dsn = make_conninfo(real.dsn, user="academy_installer", password="academy")
    academy = Migrator(dsn, schema="academy")
    try:
        academy.migrate()
        academy.load()
        before = dump(dsn, pgbin / "pg_dump", schema="academy")
        academy.rollback("0")
        academy.migrate()
        academy.load()
        assert dump(dsn, pgbin / "pg_dump", schema="academy") == before
    finally:
        session.execute("drop schema if exists academy cascade")
        drop_roles(session, "academy")


def drop_roles(session: psycopg.Connection[Any], schema: str) -> None:
    names = f"select rolname from pg_roles where starts_with(rolname, '{schema}_') order by oid desc"
    for role in rows(session, names):
        session.execute(f"drop owned by {role}; drop role {role}".encode())
