"""A school beside another is backed up, restored, deployed to and rolled back, and the other is left alone."""

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import backup, create_app, db, move, schools
from app.backup import BackupError, Manifest
from app.deploy import DeployError
from tests.deployment.conftest import World, fill, release, restored
from tests.pairs import Connection, add_users, levels, value

__all__ = ["release", "restored"]


@pytest.fixture
def world(database: str, connection: Connection, maple: Connection, tmp_path: Path, release: Path) -> World:
    """The second school, twenty students in it, and one in the first."""
    add_users(connection, 500)
    fill(maple)
    return World(database, tmp_path, release, "maple")


def beside(world: World) -> World:
    """The first school, over the same folder of backups."""
    return World(world.dsn, world.backups.parent, world.release)


@pytest.mark.usefixtures("roles_alone")
def test_a_backup_is_of_one_school_and_brings_that_one_back_beside_the_other(
    world: World, connection: Connection, maple: Connection, restored: str
) -> None:
    run = create_app(world.settings).test_cli_runner().invoke
    made = run(args=["backup", "--schema", "maple", "create"])
    assert made.exit_code == 0, made.output
    dump, other = Path(made.stdout.splitlines()[-1]), beside(world).back_up(keep=1)
    assert {Manifest.read(one).schema: one for one in (dump, other)} == {"maple": dump, "lockstep": other}
    # What one school keeps is no business of the other's.
    beside(world).back_up(keep=1)
    assert (dump.exists(), other.exists()) == (True, False)

    arguments = (world.said.append, world.settings.pgbin)
    with pytest.raises(BackupError):
        backup.restore(dump, world.dsn, str(conninfo_to_dict(world.dsn)["dbname"]), True, *arguments)
    assert schools.names(world.dsn) == ["lockstep", "maple"]

    assert [line for line in world.load(dump, restored) if line.status != "pass"] == []
    copy = make_conninfo(world.dsn, dbname=restored)
    assert schools.names(copy) == ["maple"]
    with db.connect(copy, "maple") as found:
        assert value(found, "select count(*) from lockstep.guard_status where status <> 'intact'") == 0
        assert levels(found, 1, "COACH") == (3, 3)

    maple.execute("update lockstep.users set name = 'Somebody else'")
    maple.close()
    schools.drop(world.dsn, "maple", say=world.said.append)
    move.move(copy, world.dsn, "maple", pgbin=world.settings.pgbin, say=world.said.append)
    with db.connect(world.dsn, "maple") as again:
        assert value(again, "select count(*) from lockstep.users where name = 'Somebody else'") == 0
    assert value(connection, "select count(*) from lockstep.users") == 1


def test_a_deployment_changes_the_school_that_it_is_for_and_so_does_its_rollback(
    world: World, connection: Connection
) -> None:
    badges = "select to_regclass('maple.badges') is not null, to_regclass('lockstep.badges') is not null"
    before, other = world.contents(), beside(world).contents()
    deployment = world.deployer().deploy()
    assert (deployment.status, deployment.schema) == ("succeeded", "maple"), world.lines
    assert connection.execute(badges).fetchone() == (True, False)
    assert Manifest.read(Path(str(deployment.backup))).schema == "maple"

    # The ledger of the other school knows nothing of it, nor does a backup of the one serve the other.
    with pytest.raises(DeployError):
        beside(world).deployer().plan_rollback(None)
    (line,) = beside(world).deployer()._back_up(deployment, Path(str(deployment.backup)))
    assert line.status == "fail"

    plan = world.deployer().plan_rollback(None)
    assert (plan.tables, plan.columns) == ({"badges": 0}, {"users.nickname": 0})
    assert not [line for line in world.deployer().roll_back(plan) if line.status == "fail"]
    assert connection.execute(badges).fetchone() == (False, False)
    now = world.contents()
    assert (now.migration, now.tables["users"]) == (before.migration, before.tables["users"])
    assert beside(world).contents() == other
