"""Drills: break one thing on a scratch database, look at it, mend it as the runbook says, look again.

    flask --app app drill deadlock

Each drill is a function; what it shows are the rows of the views that an operator looks at, and it
fails where they are not what docs/operations.md says. Nothing of it touches the database in use: only
its server. The scratch database needs a superuser, because some of what is broken is broken by one.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep
from typing import Any

import click
import psycopg
from flask.cli import ScriptInfo, with_appcontext
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout
from tabulate import tabulate

from app import cli, db
from app.settings import Settings

Rows = list[dict[str, Any]]

# Seconds that a drill waits for a state that it has brought about.
DEADLINE = 180.0

# The application_name of those who break things.
CULPRIT = "lockstep drill"

OPEN_INCIDENTS = "select kind, subject, severity, times_seen from lockstep.incidents where closed_at is null"
DESYNC = "select user_id, specialization, progress_level, license_level, recommended_action from lockstep.desync"
POOL = """
select application_name, total, active, idle_in_transaction
from lockstep.pool_usage
where application_name = 'lockstep drill'
"""
FORGOTTEN = """
select pg_terminate_backend(pid, 5000)
from pg_catalog.pg_stat_activity
where state = 'idle in transaction' and datname = current_database() and application_name = 'lockstep drill'
"""
WAITS = (
    "select waiting_application, relation, user_id, specialization_id, blocker_application, blocker_state"
    " from lockstep.lock_waits"
)
DEADLOCKS = "select deadlocks from pg_catalog.pg_stat_database where datname = current_database()"


class DrillError(Exception):
    """Something did not look as the runbook says."""


class World:
    """A scratch database, what was broken in it, and what it looked like.

    dsn   a superuser's
    seen  the rows of everything that was shown, by its title
    """

    def __init__(self, dsn: str, say: Callable[[str], None]) -> None:
        self.dsn, self._say = dsn, say
        self.seen: dict[str, Rows] = {}
        self._open = ExitStack()
        self.operator = self.connect("lockstep operator")

    def connect(self, name: str = CULPRIT) -> db.Connection:
        """A session in autocommit, closed at the end."""
        session = self._open.enter_context(db.connect(self.dsn))
        session.row_factory = dict_row
        session.execute("select set_config('application_name', %s, false)", [name])
        return session

    def close(self) -> None:
        """End every session that is left."""
        self._open.close()

    def phase(self, text: str) -> None:
        """Say what comes: break, look, mend, healthy."""
        self._say(f"\n-- {text}")

    def run(self, statement: str, *values: object, by: db.Connection | None = None) -> Rows:
        """Run a statement, printed before, as the operator unless as somebody else; return its rows."""
        session = by or self.operator
        self._say(f"{session.info.parameter_status('application_name')}=> {' '.join(statement.split())};")
        cursor = session.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def show(self, title: str, query: str) -> Rows:
        """Print what a query finds, keep it under its title, and return it."""
        found = self.seen[title] = self.run(query)
        self._say(tabulate(found, headers="keys", tablefmt="simple", missingval="-") if found else "(no rows)")
        return found

    def command(self, *arguments: str) -> int:
        """Run one of our own commands on the scratch database, printed before; return its exit code."""
        from app import create_app

        self._say(f"$ flask --app app {' '.join(arguments)}")
        app = create_app(Settings(dsn=self.dsn))
        try:
            # Its own context, or the commands would find the database of the drill's caller.
            with app.app_context():
                app.cli.main(list(arguments), obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)
        except SystemExit as end:
            return int(end.code or 0)
        except click.ClickException as error:
            self._say(error.format_message())
            return error.exit_code
        return 0

    def wait_until(self, query: str, what: str) -> None:
        """Look until a query finds a row."""
        end = monotonic() + DEADLINE
        while not self.operator.execute(query.encode()).fetchall():
            if monotonic() > end:
                raise DrillError(f"still waiting until {what}")
            sleep(0.02)


def expect(what: str, found: object, expected: object) -> None:
    """Fail unless it is so."""
    if found != expected:
        raise DrillError(f"{what}: {found}, and not {expected}")


def conflict(world: World) -> None:
    """Two people save the same version of a project: the second is refused, reads, and merges."""
    create = "select id, version from lockstep.create_project(1, 'Maze', 'v1', 'maze.sb3')"
    update = "select version from lockstep.update_project(1, %s, %s, p_{} => %s, p_merge => {})"
    world.phase("break: Ann and Bob open version 1; Ann saves a title, then Bob saves another title")
    (project,) = world.run(create)
    world.run(update.format("title", "false"), project["id"], 1, "Ann's maze")
    try:
        world.run(update.format("title", "false"), project["id"], 1, "Bob's maze")
    except psycopg.Error as error:
        world.seen["refusal"] = [{"sqlstate": error.sqlstate, "message": error.diag.message_primary}]
    world.phase("look: 412 over HTTP, counted as a conflict and not as an error; nothing of Ann's is lost")
    expect("the refusal", world.seen.get("refusal", [{}])[0].get("sqlstate"), "LS052")
    state = "select version, title, description from lockstep.projects"
    world.show("after the refusal", state)
    world.phase("mend: Bob reads version 2 and writes on it; a change of another field merges by itself")
    world.run(update.format("title", "false"), project["id"], 2, "Our maze")
    world.run(update.format("description", "true"), project["id"], 2, "With a minotaur")
    world.phase("healthy: every change is there, each a version of its own")
    (found,) = world.show("healthy", state)
    expect("the project", list(found.values()), [4, "Our maze", "With a minotaur"])


def pool_exhausted(world: World) -> None:
    """Clients that forget their transactions take every connection of a pool; the next one waits in vain."""
    world.phase("break: a pool of two connections, and two requests that never end their transactions")
    with ConnectionPool(
        world.dsn, min_size=2, max_size=2, timeout=0.5, open=True, kwargs={"application_name": CULPRIT}
    ) as pool:
        pool.wait(DEADLINE)
        forgotten = [pool.getconn() for _ in range(2)]
        for session in forgotten:
            session.execute("select count(*) from lockstep.users")
        try:
            pool.getconn()
        except PoolTimeout as error:
            world.seen["refusal"] = [{"error": type(error).__name__}]
        world.phase("look: over HTTP 503 with Retry-After; here the connections, idle in transaction")
        expect("the refusal", world.seen.get("refusal"), [{"error": "PoolTimeout"}])
        (usage,) = world.show("exhausted", POOL)
        expect("idle in transaction", usage["idle_in_transaction"], 2)
        world.phase("mend: end the sessions that hold a transaction and do nothing; the pool replaces them")
        world.run(FORGOTTEN)
        for session in forgotten:
            pool.putconn(session)
        world.phase("healthy: the next request gets a connection")
        with pool.connection(DEADLINE) as session:
            session.execute("select count(*) from lockstep.users")
        ended = f"select from ({POOL}) as known where idle_in_transaction = 0"
        world.wait_until(ended, "who held a transaction is gone")
        (usage,) = world.show("healthy", POOL)
        expect("idle in transaction", usage["idle_in_transaction"], 0)


def deadlock(world: World) -> None:
    """Two sessions of raw SQL take two pairs in opposite order; PostgreSQL ends one, who tries again in order."""
    award = "update lockstep.specialization_progress set total_xp = total_xp + 10 where student_id = %s"
    for user in (1, 2):
        world.run("select total_xp from lockstep.level_up(%s, 'PLAYER', 100)", user)
    sessions = [world.connect(f"{CULPRIT} {name}") for name in ("a", "b")]
    world.phase("break: a takes user 1, then wants 2; b takes user 2, then wants 1")
    for session, user in zip(sessions, (1, 2), strict=True):
        session.execute("set deadlock_timeout = '200ms'")
        session.execute("begin")
        world.run(award, user, by=session)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(_sqlstate, sessions[0], award, 2)
        world.wait_until("select from lockstep.lock_waits", "a waits for b")
        world.phase("look: who waits for whom, while it lasts; then 40P01 for one of the two, and a counter")
        world.show("waiting", WAITS)
        ended = [_sqlstate(sessions[1], award, 1), first.result(DEADLINE)]
    for session in sessions:
        session.execute("commit")
        session.execute("select pg_stat_force_next_flush()")
    world.seen["ended"] = [{"sqlstate": sqlstate} for sqlstate in ended]
    expect("one of the two", sorted(str(sqlstate) for sqlstate in ended), ["40P01", "None"])
    world.wait_until(f"select from ({DEADLOCKS}) as known where deadlocks = 1", "it is counted")
    world.show("deadlocks", DEADLOCKS)
    world.phase("mend: who was ended tries again, keys in order; our functions keep that order by themselves")
    loser = sessions[1 if ended[0] else 0]
    with loser.transaction():
        for user in (1, 2):
            world.run(award, user, by=loser)
    world.phase("healthy: nobody waits, both totals have both awards, and no deadlock came after the one")
    world.show("lock_waits", WAITS)
    totals = world.show("healthy", "select student_id, total_xp from lockstep.specialization_progress order by 1")
    expect("the totals", [row["total_xp"] for row in totals], [120, 120])
    expect("waits", world.seen["lock_waits"], [])
    expect("deadlocks", world.operator.execute(DEADLOCKS.encode()).fetchall(), [{"deadlocks": 1}])


def _sqlstate(session: db.Connection, statement: str, *values: object) -> str | None:
    try:
        session.execute(statement.encode(), values)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def slow_queries(world: World) -> None:
    """An index is gone: what looked up one row reads all of them."""
    search = "select id from lockstep.users where lower(email) = 'drill20000@example.org'"
    plan = f"explain (costs off) {search}"
    broken = "select kind, name, status, as_installed from lockstep.guard_status where status <> 'intact'"
    world.run(
        "insert into lockstep.users (id, email) overriding system value"
        " select n, format('drill%s@example.org', n) from generate_series(3, 20000) as n"
    )
    world.run("analyze lockstep.users")
    expect("the plan as installed", "Seq Scan" in str(world.run(plan)), False)
    world.phase("break: somebody drops an index")
    world.run("drop index lockstep.uq_users_email", by=world.connect())
    world.phase("look: the plan of a slow statement (statement_stats names those), and the sentinel")
    world.run(search)
    expect("the plan", "Seq Scan" in str(world.show("plan without it", plan)), True)
    (guard,) = world.show("sentinel", broken)
    world.phase("mend: create it as the sentinel says that it was installed")
    world.run(guard["as_installed"])
    world.phase("healthy: the plan uses it, and nothing is missing")
    expect("the plan", "Seq Scan" in str(world.show("plan with it", plan)), False)
    expect("guards", world.show("healthy", broken), [])


def desync_found(world: World) -> None:
    """A superuser turns the rules off and writes one side: checks find it, a run repairs it."""
    world.run("select progress_new_level from lockstep.level_up(1, 'PLAYER', 25000, 12)")
    world.phase("break: every trigger off, keys included, one side written, every trigger on again")
    vandal = world.connect()
    for step in (
        "alter table lockstep.user_licenses disable trigger all",
        "update lockstep.user_licenses set current_level = 1 where user_id = 1",
        "alter table lockstep.user_licenses enable trigger all",
        "select lockstep.arm_keys()",
    ):
        world.run(step, by=vandal)
    world.phase("look: health needs attention, the view has the pair, an incident is open and its mail waits")
    expect("exit code of health", world.command("sync", "health"), 1)
    (pair,) = world.show("desync", DESYNC)
    expect("levels", (pair["progress_level"], pair["license_level"]), (2, 1))
    expect("incident", "desync_found" in {row["kind"] for row in world.show("incidents", OPEN_INCIDENTS)}, True)
    world.phase("mend: why first, then a run; a wrong one is undone with: flask --app app sync undo RUN")
    world.show("why", "select * from lockstep.explain_desync(1, 'PLAYER')")
    expect("exit code of reconcile", world.command("sync", "reconcile", "--no-log"), 0)
    world.phase("healthy: in step, and (the runs made older, as if the next check had come) no incident is open")
    expect("desync", world.show("healthy", DESYNC), [])
    world.run("update lockstep.sync_runs set job_start = now() - interval '5 min', job_end = now() - interval '5 min'")
    expect("exit code of health", world.command("sync", "health"), 0)
    expect("incidents", world.show("open incidents", OPEN_INCIDENTS), [])


def guard_broken(world: World) -> None:
    """Somebody drops a trigger: the sentinel names it, and loading the functions puts it back."""
    world.phase("break: a trigger is dropped")
    world.run("drop trigger mirror_update on lockstep.user_licenses", by=world.connect())
    world.phase("look: make guards fails, health needs attention, an incident is open; /readyz says 503")
    expect("exit code of guards", world.command("db", "guards"), 1)
    (guard,) = world.show("sentinel", "select kind, name, status from lockstep.guard_status where status <> 'intact'")
    expect("guard", guard, {"kind": "trigger", "name": "mirror_update on user_licenses", "status": "missing"})
    expect("exit code of health", world.command("sync", "health"), 1)
    expect("incident", [row["kind"] for row in world.show("incidents", OPEN_INCIDENTS)], ["guards_broken"])
    world.phase("mend: make functions; then look for what went through meanwhile")
    expect("exit code of functions", world.command("db", "functions"), 0)
    expect("exit code of find", world.command("sync", "find"), 0)
    world.phase("healthy: every guard as installed, no incident open")
    expect("exit code of guards", world.command("db", "guards"), 0)
    expect("exit code of health", world.command("sync", "health"), 0)
    expect("incidents", world.show("healthy", OPEN_INCIDENTS), [])


def job_silent(world: World) -> None:
    """No scheduled run for seven hours: health and alerts say so until one comes."""
    world.phase("break: this database was installed eight hours ago, and its jobs never ran")
    world.run("update lockstep.schema_migrations set applied_at_utc = applied_at_utc - interval '8 hours'")
    world.phase("look: health exits with 4; alerts deliver and every check note it, whichever job is silent")
    expect("exit code of health", world.command("sync", "health"), 4)
    (incident,) = world.show("incidents", OPEN_INCIDENTS)
    expect("incident", (incident["kind"], incident["subject"]), ("no_run", "reconcile"))
    world.phase("mend: make schedule (pg_cron), or start cron or the timer; and a run now")
    expect("exit code of reconcile", world.command("sync", "reconcile", "--no-log"), 0)
    world.phase("healthy: the last run is now, no incident open")
    expect("exit code of health", world.command("sync", "health"), 0)
    world.show("health", "select status, last_run, run_overdue, requires_attention from lockstep.health")
    expect("incidents", world.show("healthy", OPEN_INCIDENTS), [])


DRILLS: dict[str, Callable[[World], None]] = {
    "conflict": conflict,
    "pool-exhausted": pool_exhausted,
    "deadlock": deadlock,
    "slow-queries": slow_queries,
    "desync-found": desync_found,
    "guard-broken": guard_broken,
    "job-silent": job_silent,
}


@contextmanager
def world_of(dsn: str, say: Callable[[str], None]) -> Iterator[World]:
    """A world in an installed database, with two students and nothing else."""
    world = World(dsn, say)
    try:
        world.operator.execute(
            "insert into lockstep.users (id, email, name) overriding system value"
            " values (1, 'ann@example.org', 'Ann'), (2, 'bob@example.org', 'Bob')"
        )
        yield world
    finally:
        world.close()


@click.command("drill")
@click.argument("name", type=click.Choice([*DRILLS, "all"]))
@with_appcontext
def drill(name: str) -> None:
    """Break something on a scratch database, look at it, mend it, look again; fail if it looks otherwise."""
    for one in DRILLS if name == "all" else [name]:
        click.echo(f"== {one}: {DRILLS[one].__doc__}")
        try:
            with cli.scratch(cli.dsn()) as scratch, world_of(scratch, click.echo) as world:
                DRILLS[one](world)
        except (DrillError, psycopg.Error) as error:
            raise click.ClickException(f"the drill {one} went otherwise: {error}") from error
        click.echo(f"\n== {one}: broken, seen, mended, healthy")
