"""The rehearsal (G8): a database with data, deployed to under traffic, failing in the middle, going on, going back."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import backup, create_app, deploy
from app.backup import Line
from app.deploy import DeployError, only_one
from app.migrator import dump as schema_of
from app.settings import PROJECT, Settings
from tests.deployment.conftest import CHANGED, DOWN, MIGRATION, UP, World
from tests.http.conftest import People
from tests.http.serving import insist, served
from tests.pairs import Connect, Connection, level_up, refused, rows, value
from tests.support import DEADLINE, NEVER, wait_until

pytestmark = pytest.mark.once

# What a deployment changes by itself.
OWN = {"loaded_sources", "schema_migrations", "schema_migration_log", "guard_baseline"}

MIGRATORS = """
select activity.pid from pg_stat_activity as activity
where activity.datname = current_database()
    and activity.application_name = 'lockstep migrator'
    and %s = any(pg_blocking_pids(activity.pid))
"""
# Other databases of this server have locks of their own.
ADVISORY_LOCKS = """
select from pg_locks
where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
"""


class Traffic:
    """Callers that never stop until they are told, each counting what it was answered."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.done: list[int] = []
        self.errors: list[BaseException] = []
        self.threads: list[threading.Thread] = []
        self.over = threading.Event()
        self.went_on = threading.Condition()

    def add(self, call: Callable[[], object]) -> None:
        """Start somebody who makes this call again and again."""
        place = len(self.counts)
        self.counts.append(0)
        self.done.append(0)

        def run() -> None:
            while not self.over.is_set():
                try:
                    call()
                    self.done[place] += 1
                except BaseException as error:
                    self.errors.append(error)
                with self.went_on:
                    self.counts[place] += 1
                    self.went_on.notify_all()

        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def wait_for_a_call_each(self) -> None:
        """Return once each has been answered a call that it made after now."""
        with self.went_on:
            wanted = [count + 2 for count in self.counts]
            assert self.went_on.wait_for(
                lambda: all(count >= want for count, want in zip(self.counts, wanted, strict=True)),
                DEADLINE,
            )

    def stop(self) -> None:
        """End it, after the call that each is in."""
        self.over.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def traffic() -> Iterator[Traffic]:
    traffic = Traffic()
    yield traffic
    traffic.stop()


def schema(world: World, pgbin: Path) -> str:
    return schema_of(world.dsn, pgbin / "pg_dump")


def contents(world: World) -> dict[str, dict[str, Any]]:
    """Rows and sums of what is not the deployment's own."""
    return {name: table for name, table in world.contents().tables.items() if name not in OWN}


def test_traffic_goes_on_through_a_deployment_without_an_error_and_a_rollback_loses_no_answer(
    world: World,
    settings: Settings,
    people: People,
    tokens: Callable[[str], str],
    connect: Connect,
    connection: Connection,
    traffic: Traffic,
    pgbin: Path,
) -> None:
    before, xp = schema(world, pgbin), "select sum(total_xp) from lockstep.specialization_progress"
    earned = value(connection, xp)

    with served(settings) as service, service.connect() as http:
        iris = tokens("iris")

        def award() -> None:
            # Told to try again, as nothing was done, a client does: how long tables are taken is the machine's to say.
            path = f"/api/v1/users/{people['ann']}/progress/PLAYER/xp"
            answer = insist(lambda: service.over(http, iris, "POST", path, json={"xp_gained": 1}))
            assert answer.status == 200, answer.content

        def call(session: Connection, user: int) -> Callable[[], object]:
            return lambda: level_up(session, user, "PLAYER", 1)

        def write(session: Connection, user: int) -> Callable[[], object]:
            query = b"update lockstep.user_licenses set current_level = 3 - current_level where user_id = %s"
            return lambda: session.execute(query, [user])

        level_up(connection, people["bob"], "PLAYER", 0)
        traffic.add(award)
        traffic.add(call(connect(), 1))
        traffic.add(call(connect(), 2))
        traffic.add(write(connect(), people["bob"]))

        world.told = lambda _: traffic.wait_for_a_call_each()
        deployer = world.deployer()
        deployed = deployer.deploy()
        assert deployed.status == "succeeded", world.lines
        assert traffic.errors == []
        assert value(connection, "select lockstep.count_badges(1)") == 0
        connection.execute("insert into lockstep.badges values (1, 'brave'), (2, 'kind')")
        connection.execute("update lockstep.users set nickname = 'Sue' where id = 3")
        written = value(connection, xp)

        plan = deployer.plan_rollback(None)
        assert (plan.leaving, plan.target) == ([MIGRATION], deployed.before)
        assert (plan.tables, plan.columns) == ({"badges": 2}, {"users.nickname": 1})
        assert plan.settings == ["badge_limit"]
        assert set(plan.functions) == {CHANGED, "functions/count_badges.sql"}
        assert plan.since["license_progressions"] > 0
        lines = deployer.roll_back(plan)
        traffic.wait_for_a_call_each()
        traffic.stop()

    # A column that goes may fail a call under way; what was not answered well was not done.
    assert {line.status for line in lines} <= {"pass", "warn"}, lines
    assert schema(world, pgbin) == before
    # What was written before, during and since is all there.
    calls = sum(traffic.done[:3])
    assert value(connection, xp) == earned + calls
    assert written < earned + calls
    assert value(connection, "select count(*) from lockstep.desync") == 0


def test_what_fails_in_the_middle_changes_nothing_goes_on_where_it_stopped_and_comes_back_whole(
    world: World, connection: Connection, pgbin: Path
) -> None:
    was, before = schema(world, pgbin), contents(world)
    path = world.release / UP
    good = path.read_text()
    path.write_text(good + "select nothing;")
    first = world.deployer().deploy()
    assert (first.status, world.failed()) == ("failed", ["migrate"])
    assert (schema(world, pgbin), contents(world)) == (was, before)

    path.write_text(good)
    world.lines.clear()
    deployer = world.deployer()
    second = deployer.deploy()
    assert (second.status, second.id) == ("succeeded", first.id), world.lines
    # Neither the backup nor its proof is made twice.
    assert [dump for dump, _ in backup.listed(world.backups)] == [Path(str(first.backup))]
    assert not [line for line in world.lines if line.name.startswith(("backup", "restored"))]
    deployed = schema(world, pgbin)
    assert deployed != was

    # The way back fails, too: it leaves what is there, and has to be finished before anything else.
    plan = deployer.plan_rollback(None)
    connection.execute("create view public.somebodys as select nickname from lockstep.users")
    assert [line.status for line in deployer.roll_back(plan)] == ["fail"]
    assert schema(world, pgbin) == deployed
    with pytest.raises(DeployError):
        deployer.deploy()
    connection.execute("drop view public.somebodys")
    assert "fail" not in {line.status for line in deployer.roll_back(plan)}
    assert (schema(world, pgbin), contents(world)) == (was, before)
    assert [one.status for one in deployer.ledger.all(deployer.database)] == ["rolled back"]


def test_a_deployment_killed_in_the_middle_of_a_migration_is_gone_on_with_and_meanwhile_no_other_begins(
    world: World, connection: Connection, connect: Connect
) -> None:
    # It would wait for half a second, and try again for a minute: here it is in the middle until it is killed.
    program = f"""
from pathlib import Path
from app import migrator
from app.deploy import Deployer
from app.settings import Settings
migrator.TABLE_TIMEOUT = {NEVER!r}
Deployer({world.dsn!r}, Settings.from_environment(), print, print, Path({str(world.release)!r})).deploy()
"""
    environment = {**os.environ, "LOCKSTEP_BACKUPS": str(world.backups), "LOCKSTEP_DSN": world.dsn}
    holder = connect(autocommit=False)
    # Its new column has to wait for this.
    holder.execute("lock table lockstep.users in row exclusive mode")
    victim = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL)
    try:
        me = holder.info.backend_pid
        wait_until(connection, lambda: bool(rows(connection, MIGRATORS, me)), "it is in its migration")
        with pytest.raises(DeployError):
            world.deployer().deploy()
    finally:
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
    holder.rollback()
    ledger = world.deployer().ledger
    (killed,) = ledger.all(world.deployer().database)
    assert (killed.status, killed.passed) == ("under way", ["backup", "proof"])

    wait_until(
        connection,
        lambda: not rows(connection, ADVISORY_LOCKS),
        "its locks are free",
    )
    done = world.deployer().deploy()
    assert (done.id, done.status) == (killed.id, "succeeded"), world.lines
    assert len(backup.listed(world.backups)) == 1


def test_functions_alone_can_be_deployed_and_those_of_before_come_back(world: World, pgbin: Path) -> None:
    for name in (UP, DOWN, "functions/count_badges.sql"):
        (world.release / name).unlink()
    was = schema(world, pgbin)
    deployer = world.deployer()
    assert deployer.deploy().status == "succeeded", world.lines
    assert schema(world, pgbin) != was
    plan = deployer.plan_rollback(None)
    assert (plan.leaving, plan.functions, plan.tables, plan.columns) == ([], [CHANGED], {}, {})
    deployer.roll_back(plan)
    assert schema(world, pgbin) == was


def test_a_broken_guard_and_a_coupled_call_that_fails_are_lines_that_fail(world: World, connection: Connection) -> None:
    statuses = {line.name: line.status for line in (*deploy.check_guards(world.dsn), *deploy.smoke(world.dsn))}
    assert (statuses["guards"], statuses["coupled call"]) == ("pass", "pass")
    connection.execute("alter table lockstep.users add constraint planted check (email not like 'deployment-%')")
    assert [line.status for line in deploy.check_guards(world.dsn)] == ["fail"]
    with refused("23514"):
        deploy.smoke(world.dsn)
    step = world.deployer()._run(deployment(), "smoke", lambda: deploy.smoke(world.dsn))
    assert (step, world.failed()) == (False, ["smoke"])


def deployment() -> deploy.Deployment:
    return deploy.Deployment("1", "school", "here", "under way", "0016-queue", "0016-queue")


def test_a_smoke_call_leaves_nothing_behind(world: World) -> None:
    before = contents(world)
    assert deploy.smoke(world.dsn)[0].status == "pass"
    assert contents(world) == before


def test_a_service_that_is_not_ready_fails_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "READY_LIMIT", 0)
    # Nobody listens on the port of discarded bytes.
    assert [line.status for line in deploy.ready("http://127.0.0.1:9")] == ["fail"]
    assert deploy.ready(None) == []


def test_no_rollback_to_a_level_that_no_functions_are_known_of(world: World) -> None:
    deployer = world.deployer()
    with pytest.raises(DeployError):
        deployer.plan_rollback("0014")
    with pytest.raises(DeployError):
        deployer.plan_rollback(None)


def test_an_empty_database_is_deployed_to_without_a_backup(empty_database: str, tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    world = World(empty_database, tmp_path, tmp_path / "sql")
    assert world.deployer().deploy().status == "succeeded", world.lines
    assert not list(world.backups.glob("*.dump"))
    # The way back from there is the end of everything: nobody gets there without saying so.
    with pytest.raises(DeployError):
        world.deployer().plan_rollback(None)


def test_the_commands_deploy_list_back_up_verify_and_roll_back(world: World, restored: str) -> None:
    run = create_app(world.settings).test_cli_runner().invoke
    made = run(args=["backup", "create"])
    assert made.exit_code == 0, made.output
    dump = made.stdout.splitlines()[-1]
    assert run(args=["backup", "check", dump]).exit_code == 0
    assert run(args=["backup", "restore", dump, "--into", restored]).exit_code == 0
    assert run(args=["backup", "restore", dump, "--into", restored]).exit_code == 1
    assert run(args=["backup", "restore", dump, "--into", restored, "--replace"], input="no\n").exit_code == 1
    deployed = run(args=["deploy", "run", "--backup", dump])
    assert deployed.exit_code == 0, deployed.output
    assert dump in run(args=["deploy", "list"]).stdout
    assert dump in run(args=["backup", "list"]).stdout
    assert run(args=["db", "verify"]).exit_code == 0
    assert run(args=["deploy", "rollback"], input="n\n").exit_code == 1
    back = run(args=["deploy", "rollback", "--yes"])
    assert back.exit_code == 0, back.output
    with only_one(world.dsn):
        assert run(args=["deploy", "run"]).exit_code == 1


def test_a_report_line_fails_with_its_problems_and_passes_without() -> None:
    assert Line.of("name", ["one", "two"], "fine") == Line("fail", "name", "one; two")
    assert Line.of("name", [], "fine") == Line("pass", "name", "fine")
