"""A day of the service in a few minutes, and what it leaves behind: nothing that it should not.

    python -m tests.torture.soak --minutes 20

The service in production form (gunicorn, two processes) under modest traffic; beside it every job, at
intervals as much shorter as the day is: reconcile, the five-minute job, the drain of a queue that is
filled, mails of incidents to a mail server, and now and then a pair put out of step by force, for the
jobs to find. What is kept for a time is kept for a sixth of the run, so that purging has work.

Held must be: every sum, nothing out of step, every job through, exactly two mails an incident; no
process that grows in the second half, connections back to the least that the pools keep, no lock held,
nothing beyond its retention, and tables with a retention no larger at the end than in the middle, give
or take. Prints what was measured; exits with 1 if anything does not hold.
"""

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from app import db, logins
from app.alerts import deliver_all
from app.http.tokens import LIFETIME
from app.settings import MailSettings, PoolSettings, Settings
from tests.alerts.conftest import MailServer, port_taken
from tests.http.running import serving
from tests.pairs import add_users, age, plant
from tests.support import DEADLINE, SERVER_SETTINGS, folder_for_servers, wait_until
from tests.torture.http import GROWTH, OURS, STUDENTS, Client, Ledger, memory_of, session_of_an_admin, wrong_sums
from tests.torture.scratch import Connection, broken_guards, build, number, scratch_server

DAY = 86_400.0

# Seconds between two requests of a client.
PACE = 0.2

# A job in a day: every so many seconds; and the least that it is worth in a short one.
EVERY = {"reconcile": (21_600.0, 2.0), "watch": (300.0, 1.0), "drain": (60.0, 0.5), "mails": (60.0, 0.5)}

# The settings that say how long things are kept, with what counts the rows of before a time.
KEPT = {
    "sync_retention": "select count(*) from lockstep.sync_runs where job_start < %s",
    "idempotency_retention": "select count(*) from lockstep.idempotency_keys where created_at < %s",
    "breach_retention": "select count(*) from lockstep.lock_breaches where noticed_at < %s",
}
# Incidents are counted in the evening, and go then.
KEPT_UNTIL_EVENING = {"incident_retention": "select count(*) from lockstep.noted_incidents where closed_at < %s"}

# What may grow for ever: history, what was earned. The rest is bounded by retention.
BOUNDED = (
    *("sync_runs", "sync_run_items", "idempotency_keys", "lock_breaches", "noted_incidents", "incident_mails"),
    *("health_checks", "queued_level_ups", "verified_ranges", "settings"),
)
SIZES = (
    "select coalesce(sum(pg_total_relation_size(format('lockstep.%%I', name)::regclass)), 0)"
    " from unnest(%s::text[]) as name"
)
ROOM = 4 << 20  # bytes that they may take more in the end than in the middle

# Seconds after which a process has loaded all that it ever does: from then on it does not grow.
WARM = 60.0

UNTOLD = """
select
    (select count(*) from lockstep.incidents where closed_at is null)
    + (select count(*) from lockstep.outbox where state <> 'sent')
"""
LOCKS = """
select count(*)
from pg_locks as held
inner join pg_stat_activity as session on session.pid = held.pid
where held.pid <> pg_backend_pid()
    and held.database = (select oid from pg_database where datname = current_database())
    and session.backend_type = 'client backend'
"""
VACUUM = {"autovacuum_naptime": "1s", "autovacuum_vacuum_scale_factor": "0.1", "autovacuum_vacuum_cost_delay": "0"}


class Mails:
    """A mail server that counts what it took, by Message-ID."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken[content.partition(b"Message-ID: ")[2].split(b"\n", 1)[0].decode()] += 1
        return "250 taken"


class Visitor(Client):
    """A client that takes its time, and comes with a new token before the old one is over."""

    def __init__(self, address: str, issue: Callable[[], str], ledger: Ledger, seed: int) -> None:
        super().__init__(address, issue(), ledger, seed)
        self.issue, self.issued = issue, time.monotonic()

    def once(self) -> None:
        """Ask one thing, and rest."""
        if time.monotonic() > self.issued + LIFETIME / 2:
            self.headers["Authorization"] = f"Bearer {self.issue()}"
            self.issued = time.monotonic()
        super().once()
        # Not a wait for anything: modest load is what a soak is about.
        time.sleep(PACE)


@dataclass
class Day:
    """What happened in it."""

    jobs: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)
    mails: Mails = field(default_factory=Mails)
    queued: int = 0
    planted: int = 0
    incidents: int = 0
    size: tuple[int, int] = (0, 0)

    def summary(self) -> str:
        """What was measured, in lines."""
        jobs = ", ".join(f"{name}: {times}" for name, times in sorted(self.jobs.items()))
        halfway, end = (size // 1024 for size in self.size)
        return (
            f"{self.ledger.summary()}\njobs: {jobs}; {self.queued} queued;"
            f" {self.incidents} incidents, {sum(self.mails.taken.values())} mails\n"
            f"tables with a retention, kB: {halfway} in the middle, {end} in the end"
        )


def soak(dsn: str, settings: Settings, folder: Path, seconds: float, clients: int = 8, workers: int = 2) -> Day:
    """Live through a day of so many seconds on a database with users 1 to STUDENTS + 1; return what happened."""
    day = Day()
    with psycopg.connect(dsn, autocommit=True) as connection, mail_server(day.mails) as mail:
        issue = session_of_an_admin(connection, settings)
        keep = f"{max(seconds / 6, 1):.0f} seconds"
        for name in KEPT:
            connection.execute("select lockstep.change_setting(%s, %s)", [name, keep])
        # A wait that was given up is an incident for this long.
        connection.execute("select lockstep.change_setting('breach_window', %s)", [keep])
        connection.execute("select lockstep.change_setting('incident_quiet', '0')")
        connection.execute("select lockstep.change_setting('mail_retry_pause', '1 second')")
        told = {
            "LOCKSTEP_WORKERS": str(workers),
            "LOCKSTEP_POOL": "{}-{}".format(*settings.pools.size),
            "LOCKSTEP_POOL_ADMIN": "{}-{}".format(*settings.pools.admin_size),
        }
        with serving(settings, folder / "service.log", **told) as (address, run):
            begun = time.monotonic()
            over = threading.Event()
            jobs = [
                threading.Thread(target=repeat, args=[day, over, dsn, name, interval(name, seconds), job])
                for name, job in jobs_of(day, mail).items()
            ]
            visitors = [Visitor(address, issue, day.ledger, seed) for seed in range(clients)]
            threads = [threading.Thread(target=visitor.run, args=[begun + seconds]) for visitor in visitors]
            for thread in (*threads, *jobs):
                thread.start()
            try:
                threads[0].join(seconds / 2)
                halfway, size = memory_of(run.pid), number(connection, SIZES, list(BOUNDED))
                for thread in threads:
                    thread.join()
                day.ledger.seconds = time.monotonic() - begun
                day.ledger.memory = memory_of(run.pid)
            finally:
                over.set()
                for thread in jobs:
                    thread.join()
            day.size = size, number(connection, SIZES, list(BOUNDED))
            day.ledger.problems += [
                *(grown(halfway, day.ledger.memory) if seconds / 2 >= WARM else []),
                *left(connection, workers * (settings.pools.size[0] + settings.pools.admin_size[0])),
            ]
        evening(connection, day, mail, keep)
    return day


def interval(name: str, seconds: float) -> float:
    """Seconds between two runs of a job, in a day of so many seconds."""
    usual, least = EVERY[name]
    return max(usual * seconds / DAY, least)


def jobs_of(day: Day, mail: MailSettings) -> dict[str, Callable[[db.Connection], None]]:
    """The jobs by their names; the one that repairs puts a pair out of step before, for others to find."""

    def reconcile(connection: db.Connection) -> None:
        # Somebody new each time: a history that begins with a repair is whole.
        day.planted += 1
        add_users(connection, STUDENTS + 1 + day.planted)
        plant(connection, 2, 1, user=STUDENTS + 1 + day.planted, specialization="COACH")
        connection.execute("call lockstep.watch()")
        connection.execute("call lockstep.reconcile()")

    def drain(connection: db.Connection) -> None:
        for _ in range(5):
            connection.execute("select lockstep.enqueue_level_up(%s, 'PLAYER', 7)", [STUDENTS + 1])
            day.queued += 1
        connection.execute("call lockstep.drain_queue()")

    def watch(connection: db.Connection) -> None:
        connection.execute("call lockstep.watch()")

    def mails(connection: db.Connection) -> None:
        deliver_all(connection, mail)

    return {"reconcile": reconcile, "watch": watch, "drain": drain, "mails": mails}


def repeat(
    day: Day, over: threading.Event, dsn: str, name: str, every: float, job: Callable[[db.Connection], None]
) -> None:
    """Run a job, each time over a connection of its own, once at least and until the day is over."""
    while True:
        try:
            with db.connect(dsn) as connection:
                job(connection)
            day.jobs[name] += 1
        except psycopg.Error as error:
            day.ledger.problems.append(f"{name}: {error}")
        if over.wait(every):
            break


def grown(halfway: list[int], end: list[int]) -> list[str]:
    """Say which processes grew."""
    return [
        f"a process grew from {before} to {after} kB"
        for before, after in zip(halfway, end, strict=True)
        if after > before * GROWTH
    ]


def left(connection: Connection, baseline: int) -> list[str]:
    """Say what the traffic left behind, once it is calm: connections, locks."""
    try:
        wait_until(connection, lambda: number(connection, OURS) <= baseline, "it is calm", 150)
        wait_until(connection, lambda: number(connection, LOCKS) == 0, "no lock is held")
    except AssertionError as error:
        return [f"{error}: {number(connection, OURS)} connections, {number(connection, LOCKS)} locks"]
    return []


def evening(connection: Connection, day: Day, mail: MailSettings, keep: str) -> None:
    """Close the day: a last repair, then what has to hold."""
    problems = day.ledger.problems
    connection.execute("call lockstep.drain_queue()")
    connection.execute("call lockstep.reconcile()")
    # As if the next check had come: a run is looked at again for a minute.
    age(connection, "sync_runs", "2 min", "job_start", "job_end")

    def all_told() -> bool:
        connection.execute("call lockstep.watch()")
        deliver_all(connection, mail)
        return number(connection, UNTOLD) == 0

    try:
        wait_until(connection, all_told, "every incident is over and told", DEADLINE + float(keep.split()[0]))
    except AssertionError as error:
        problems.append(f"{error}: {connection.execute('table lockstep.incidents').fetchall()}")
    problems += wrong_sums(connection, day.ledger)
    earned = (
        "select total_xp from lockstep.specialization_progress where student_id = %s and specialization_id = 'PLAYER'"
    )
    if day.queued and (xp := number(connection, earned, STUDENTS + 1)) != 7 * day.queued:
        problems.append(f"{xp} XP through the queue, and {day.queued} entries of 7")
    day.incidents = number(connection, "select count(*) from lockstep.noted_incidents")
    if sum(day.mails.taken.values()) != 2 * day.incidents or set(day.mails.taken.values()) - {1}:
        problems.append(f"{day.incidents} incidents, mails {day.mails.taken}")
    for name in KEPT_UNTIL_EVENING:
        connection.execute("select lockstep.change_setting(%s, %s)", [name, keep])
    before = connection.execute("select now() - %s::interval", [keep]).fetchone()
    assert before is not None
    connection.execute("call lockstep.reconcile()")
    for name, query in {**KEPT, **KEPT_UNTIL_EVENING}.items():
        if beyond := number(connection, query, *before):
            problems.append(f"{beyond} rows beyond {name}")
    if guards := broken_guards(connection):
        problems.append(f"guards: {guards}")
    if day.size[1] > day.size[0] + ROOM:
        problems.append(f"tables with a retention grew from {day.size[0]} to {day.size[1]} bytes")


@contextmanager
def mail_server(mails: Mails) -> Iterator[MailSettings]:
    """A mail server of this process; yields how to reach it."""
    with port_taken() as taken:
        server = MailServer(mails, taken)
        server.start()
        try:
            yield MailSettings("127.0.0.1", server.port, "off", "lockstep@example.org", ("night@example.org",))
        finally:
            server.stop()


def main() -> int:
    """Run it; return 1 if something did not hold."""
    parser = argparse.ArgumentParser(description="A day of the service in a few minutes, on a server of its own.")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with (
        scratch_server(folder_for_servers(), {**SERVER_SETTINGS, **VACUUM}) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        dsn = build(server, STUDENTS + 1)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("select setval(pg_get_serial_sequence('lockstep.users', 'id'), 1000)")
        everybody, admins = logins.ensure(dsn, server.home / "http-logins.json")
        pools = PoolSettings(size=(2, 10), admin_size=(1, 2))
        settings = Settings(home=Path(folder), http_dsn=everybody, http_admin_dsn=admins, pools=pools)
        day = soak(dsn, settings, Path(folder), given.minutes * 60, given.clients, given.workers)
    print(f"{given.clients} clients, {given.workers} processes, a day in {given.minutes:g} min\n{day.summary()}")
    for problem in day.ledger.problems[:20]:
        print(f"FAILED: {problem}")
    print("soak:", "failed" if day.ledger.problems else "everything held")
    return 1 if day.ledger.problems else 0


if __name__ == "__main__":
    sys.exit(main())
