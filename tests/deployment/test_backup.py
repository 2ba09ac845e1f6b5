"""A backup is of one moment, says what it holds, and is refused where it is not what it says."""

import hashlib
import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app import backup
from app.backup import BackupError, manifest_of
from app.migrator import dump as schema_of
from tests.deployment.conftest import World
from tests.pairs import Connection, level_up, refused, value

STATE = "select count(*) from lockstep.guard_status where status <> 'intact'"
ARMED = "select count(*) from lockstep.coupled_key_triggers where not armed"


def test_a_restored_backup_is_the_same_schema_with_the_same_rows_and_whole_guards(
    world: World, connection: Connection, restored: str, pgbin: Path
) -> None:
    dump = world.back_up()
    for file in (dump, manifest_of(dump)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(dump.parent.stat().st_mode) == 0o700
    told = backup.check(dump).contents
    assert told.tables["users"]["rows"] == value(connection, "select count(*) from lockstep.users")
    assert told.tables["license_progressions"]["rows"] == value(
        connection, "select count(*) from lockstep.license_progressions"
    )

    assert {line.status for line in world.load(dump, restored)} == {"pass"}
    dsn = make_conninfo(world.dsn, dbname=restored)
    assert schema_of(dsn, pgbin / "pg_dump") == schema_of(world.dsn, pgbin / "pg_dump")
    with psycopg.connect(dsn) as copy:
        assert (value(copy, STATE), value(copy, ARMED)) == (0, 0)
        assert value(copy, "show search_path") == value(connection, "show search_path")
        level_up(copy, 20, "PLAYER", 1)  # new ids go on after the old ones


def test_what_is_written_while_it_is_dumped_is_in_neither_the_dump_nor_the_sums(
    world: World, connection: Connection, restored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = value(connection, "select count(*) from lockstep.user_licenses")
    real = backup.run_tool

    def write_first(name: str, *arguments: Any, **named: Any) -> None:
        if name == "pg_dump":
            level_up(connection, 19, "COACH", 100)
        real(name, *arguments, **named)

    monkeypatch.setattr(backup, "run_tool", write_first)
    dump = world.back_up()
    assert value(connection, "select count(*) from lockstep.user_licenses") == before + 1
    assert backup.check(dump).contents.tables["user_licenses"]["rows"] == before
    assert {line.status for line in world.load(dump, restored)} == {"pass"}


def put_out_of_step(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("alter table lockstep.user_licenses disable trigger all")
        connection.execute("update lockstep.user_licenses set current_level = 2 where specialization_type = 'COACH'")
        connection.execute("alter table lockstep.user_licenses enable trigger all")
    connection.execute("select lockstep.arm_keys()")


def test_a_backup_of_pairs_out_of_step_restores_with_keys_that_hold_from_then_on_and_are_named(
    world: World, connection: Connection, restored: str
) -> None:
    put_out_of_step(connection)
    dump = world.back_up()
    assert backup.check(dump).contents.desync == 1
    failed = [line.name for line in world.load(dump, restored) if line.status == "fail"]
    assert failed == ["guards as they were", "deployment report as it was"]
    with psycopg.connect(make_conninfo(world.dsn, dbname=restored), autocommit=True) as copy:
        assert value(copy, "select count(*) from lockstep.desync") == 1
        with refused("23503"):
            put_out_of_step_under_the_replica_role(copy)
        copy.execute("call lockstep.reconcile(null)")
        for table, key in ("specialization_progress", "license"), ("user_licenses", "progress"):
            copy.execute(f"alter table lockstep.{table} validate constraint fk_{table}_{key}".encode())
        assert value(copy, "select count(*) from lockstep.desync") == 0
        assert value(copy, STATE) == 0


def put_out_of_step_under_the_replica_role(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            "update lockstep.user_licenses set current_level = 8, max_achieved_level = 8 where user_id = 3"
        )


def test_nobody_deploys_while_pairs_are_out_of_step(world: World, connection: Connection) -> None:
    put_out_of_step(connection)
    assert world.deployer().deploy().status == "failed"
    assert world.failed() == ["backup"]


def change(dump: Path, **changes: Any) -> None:
    told = json.loads(manifest_of(dump).read_text())
    manifest_of(dump).write_text(json.dumps(told | changes))


def adopt(dump: Path) -> None:
    """Have the manifest say what the file is now."""
    change(dump, size=dump.stat().st_size, sha256=hashlib.sha256(dump.read_bytes()).hexdigest())


def cut_off(dump: Path, world: World) -> None:
    os.truncate(dump, dump.stat().st_size // 2)


def cut_off_and_adopt(dump: Path, world: World) -> None:
    cut_off(dump, world)
    adopt(dump)


def alter_a_byte(dump: Path, world: World) -> None:
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    dump.write_bytes(content)


def lose_the_manifest(dump: Path, world: World) -> None:
    manifest_of(dump).unlink()


def age(dump: Path, world: World) -> None:
    change(dump, taken_at=(datetime.now(UTC) - timedelta(minutes=61)).isoformat())


def be_of_another_database(dump: Path, world: World) -> None:
    change(dump, database="another")


def be_of_another_level(dump: Path, world: World) -> None:
    told = json.loads(manifest_of(dump).read_text())["contents"]
    change(dump, contents=told | {"migration": "0015-projects"})


def dump_again(world: World, dump: Path, *options: str) -> None:
    with psycopg.connect(world.dsn) as connection:
        major = connection.info.server_version // 10000
    options = ("--format=custom", "--schema=lockstep", f"--file={dump}", *options)
    backup.run_tool("pg_dump", major, world.dsn, *options, pgbin=world.settings.pgbin)
    adopt(dump)


def lack_a_table(dump: Path, world: World) -> None:
    dump_again(world, dump, "--exclude-table=lockstep.health_checks")


def lack_the_rows_of_a_table(dump: Path, world: World) -> None:
    dump_again(world, dump, "--exclude-table-data=lockstep.license_progressions")


def lack_a_row(dump: Path, world: World) -> None:
    with psycopg.connect(world.dsn) as connection:
        connection.execute("delete from lockstep.users where id = 20")
    dump_again(world, dump)


SPOILED = {
    "backup": (cut_off, alter_a_byte, lose_the_manifest, age, be_of_another_database, be_of_another_level),
    "proof": (cut_off_and_adopt, lack_a_table, lack_the_rows_of_a_table, lack_a_row),
}


@pytest.mark.parametrize(
    ("step", "spoil"),
    [(step, spoil) for step, spoils in SPOILED.items() for spoil in spoils],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_no_deployment_on_a_backup_that_is_not_what_it_says(
    world: World, step: str, spoil: Callable[[Path, World], None]
) -> None:
    dump = world.back_up()
    deployer = world.deployer()
    spoil(dump, world)
    deployment = deployer.deploy(dump)
    assert deployment.status == "failed"
    assert list(deployment.lines)[-1] == step
    assert any(status == "fail" for status, _, _ in deployment.lines[step])
    version, loaded = deployer.migrator.loaded()
    assert (version, loaded) == (deployment.before, deployer.ledger.sources(deployment))
    assert deployer.migrator.status()[-1].pending


def test_the_newest_backups_are_kept_and_the_one_that_a_rollback_may_want(world: World) -> None:
    first = world.back_up()
    pinned = frozenset([first.name])
    others = [
        backup.create(world.dsn, world.backups, 2, world.said.append, world.settings.pgbin, pinned) for _ in range(3)
    ]
    assert [dump for dump, _ in backup.listed(world.backups)] == [first, *others[1:]]
    assert not manifest_of(others[0]).exists()
    assert len({first, *others}) == 4


def test_a_backup_that_fails_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise BackupError("no room")

    monkeypatch.setattr(backup, "run_tool", fail)
    with pytest.raises(BackupError):
        world.back_up()
    assert list(world.backups.iterdir()) == []


def test_a_database_that_is_there_is_replaced_only_when_told_and_kept_aside(
    world: World, connection: Connection, restored: str, admin: Connection
) -> None:
    dump = world.back_up()
    world.load(dump, restored)
    arguments = (dump, world.dsn, restored)
    copy = make_conninfo(world.dsn, dbname=restored)
    with psycopg.connect(copy, autocommit=True) as later:
        later.execute("insert into lockstep.users (id, email, name, role) values (900, 'a@x.org', 'A', 'admin')")
        later.execute("select lockstep.erase_user(900, 7, 'asked for it')")
        with pytest.raises(BackupError):
            backup.restore(*arguments, replace=False, say=world.said.append, pgbin=world.settings.pgbin)
        lines = backup.restore(*arguments, replace=True, say=world.said.append, pgbin=world.settings.pgbin)
    assert [line.detail for line in lines if line.status == "warn"] == ["erase again: 7"]
    (aside,) = [
        name for (name,) in admin.execute("select datname from pg_database where datname like %s", [f"{restored}\\_2%"])
    ]
    with psycopg.connect(copy) as now, psycopg.connect(make_conninfo(world.dsn, dbname=aside)) as then:
        names = "select name from lockstep.users where id = 7"
        assert value(now, names) != "Erased"
        assert value(then, names) == "Erased"
        assert value(now, STATE) == 0
    admin.execute(f'drop database "{aside}" with (force)'.encode())


def test_a_role_of_ours_that_is_missing_is_made_and_another_is_asked_for(
    world: World, restored: str, admin: Connection
) -> None:
    dump = world.back_up()
    roles = json.loads(manifest_of(dump).read_text())["roles"]
    assert roles["lockstep_owner"]
    assert roles["lockstep_coupler"]
    change(dump, roles=roles | {"a_reporting_tool": False})
    with pytest.raises(BackupError):
        world.load(dump, restored)
    change(dump, roles=roles | {f"lockstep_{restored}": True})
    try:
        world.load(dump, restored)
        assert not value(admin, "select rolcanlogin from pg_roles where rolname = %s", f"lockstep_{restored}")
    finally:
        admin.execute(f"drop role lockstep_{restored}".encode())


def test_programs_of_another_version_are_not_used(world: World) -> None:
    with pytest.raises(BackupError):
        backup.tool("pg_dump", 9, world.settings.pgbin)
