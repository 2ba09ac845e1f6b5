"""The service under load: many clients, few connections, and every sum right in the end.

    python -m tests.torture.http --clients 200 --seconds 60

A service in production form (gunicorn, two processes) over a server of its own. Each client has a
connection and asks one thing after the other: reads, awards of XP with an idempotency key, now and
then a level, a repair and a list of what is out of step. A 503 is the service saying that it is busy:
the client does as it is told, waits and repeats, with the same key. Some awards are repeated for no
reason, too, and must count once.

Held must be: no 5xx but 503, no broken connection, XP of each student equal to the sum of the distinct
keys, nothing out of step, whole histories, connections back to the least that the pools keep, and
processes that do not grow from the middle of the run to its end. Prints what was measured; exits with
1 if anything does not hold.
"""

import argparse
import http.client
import json
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from app import logins
from app.http.tokens import Tokens
from app.settings import PoolSettings, Settings
from tests.http.running import serving
from tests.http.serving import reopen_if_over
from tests.support import SERVER_SETTINGS, folder_for_servers, wait_until
from tests.torture.scratch import Connection, broken_chains, build, desynced, number, scratch_server

STUDENTS = 200
# Seconds for connections to go back to the least: a pool closes one every max_idle seconds.
CALM_LIMIT = 150
# How much a process may grow in the second half of a run, where everything has been loaded; and in kB, because
# of a short run on a slow machine the first half may be over before that.
GROWTH, ONCE = 1.15, 64 * 1024

OURS = "select count(*) from pg_stat_activity where application_name = 'lockstep-http' and datname = current_database()"


@dataclass
class Ledger:
    """What clients were told."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    awarded: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: float = 0.0
    memory: list[int] = field(default_factory=list)

    def summary(self) -> str:
        """What was measured, in lines."""
        ordered = sorted(self.latencies)
        cuts = statistics.quantiles(ordered, n=100) if len(ordered) > 1 else [0.0] * 99
        statuses = ", ".join(f"{status}: {times}" for status, times in sorted(self.statuses.items()))
        return (
            f"{len(ordered)} requests, {len(ordered) / max(self.seconds, 0.001):.0f}/s;"
            f" p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms, longest {ordered[-1] * 1000:.0f} ms\n"
            f"answers: {statuses}\n"
            f"memory of the processes, MB: {', '.join(str(kilobytes // 1024) for kilobytes in self.memory)}"
        )


class Client:
    """One caller, with one connection."""

    def __init__(self, address: str, token: str, ledger: Ledger, seed: int) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}"}
        self.ledger = ledger
        self.random = random.Random(seed)
        self.seed = seed
        self.made = 0

    def run(self, until: float) -> None:
        """Ask one thing after the other until the time has come, and one at least."""
        try:
            self.once()
            while time.monotonic() < until:
                self.once()
        finally:
            self.connection.close()

    def once(self) -> None:
        """Ask one thing."""
        drawn, user = self.random.random(), self.random.randint(1, STUDENTS)
        progress = f"/api/v1/users/{user}/progress"
        if drawn < 0.30:
            self.ask("GET", progress)
        elif drawn < 0.45:
            self.ask("GET", f"{progress}/PLAYER/history?limit=10", fine={200, 404})
        elif drawn < 0.50:
            self.ask("GET", "/api/v1/licenses/admin/sync/desync-issues")
        elif drawn < 0.85:
            self.award(user, f"{progress}/PLAYER/xp")
        elif drawn < 0.95:
            self.ask("PUT", f"{progress}/PLAYER/level", {"new_level": self.random.randint(1, 8)})
        else:
            body = {"specialization": "PLAYER", "direction": "to_higher_level"}
            self.ask("POST", f"/api/v1/licenses/admin/sync/user/{user}", body, fine={200, 404})

    def award(self, user: int, path: str) -> None:
        """Award XP once, asking as often as it takes, and sometimes once more."""
        self.made += 1
        xp, key = self.random.randint(1, 300), f"{self.seed}-{self.made}"
        while self.ask("POST", path, {"xp_gained": xp, "sessions_completed": 1}, key) == 503:
            pass
        with self.ledger.lock:
            self.ledger.awarded[user] += xp
        if self.random.random() < 0.1:
            self.ask("POST", path, {"xp_gained": xp, "sessions_completed": 1}, key)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        key: str | None = None,
        fine: Sequence[int] | set[int] = (200,),
    ) -> int:
        """Make one request; wait as told after a 503; return the status."""
        headers = dict(self.headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        begun = time.perf_counter()
        try:
            reopen_if_over(self.connection)
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            with self.ledger.lock:
                self.ledger.problems.append(f"{method} {path}: {error!r}")
            return 503
        took = time.perf_counter() - begun
        code = "" if answer.status < 400 else f" {json.loads(text)['code']}"
        with self.ledger.lock:
            self.ledger.latencies.append(took)
            self.ledger.statuses[f"{answer.status}{code}"] += 1
            if answer.status not in (*fine, 503):
                self.ledger.problems.append(f"{method} {path}: {answer.status} {text.decode()}")
        if answer.status == 503:
            # Not a wait for anything: what a client that behaves does.
            time.sleep(int(answer.headers["Retry-After"]) * self.random.uniform(0.5, 1))
        return answer.status


def load(dsn: str, settings: Settings, folder: Path, clients: int, seconds: float, workers: int) -> Ledger:
    """Serve the database, with users 1 to STUDENTS in it, and let clients ask; return what they were told."""
    ledger = Ledger()
    with psycopg.connect(dsn, autocommit=True) as connection:
        token = session_of_an_admin(connection, settings)()
        told = {
            "LOCKSTEP_WORKERS": str(workers),
            "LOCKSTEP_POOL_WAITING": str(settings.pools.waiting),
            "LOCKSTEP_POOL": "{}-{}".format(*settings.pools.size),
            "LOCKSTEP_POOL_ADMIN": "{}-{}".format(*settings.pools.admin_size),
        }
        with serving(settings, folder / "service.log", **told) as (address, run):
            baseline = workers * (settings.pools.size[0] + settings.pools.admin_size[0])
            begun = time.monotonic()
            everybody = [Client(address, token, ledger, seed) for seed in range(clients)]
            threads = [threading.Thread(target=client.run, args=[begun + seconds]) for client in everybody]
            for thread in threads:
                thread.start()
            # A client asks until its time is over: half of that is what is waited here.
            threads[0].join(seconds / 2)
            halfway = memory_of(run.pid)
            for thread in threads:
                thread.join()
            ledger.seconds = time.monotonic() - begun
            ledger.memory = memory_of(run.pid)
            if any(after > before * GROWTH + ONCE for before, after in zip(halfway, ledger.memory, strict=True)):
                ledger.problems.append(f"memory in kB grew from {halfway} to {ledger.memory}")
            try:
                wait_until(connection, lambda: number(connection, OURS) <= baseline, "it is calm", CALM_LIMIT)
            except AssertionError:
                ledger.problems.append(f"{number(connection, OURS)} connections are left, {baseline} are the least")
        ledger.problems += wrong_sums(connection, ledger)
    return ledger


def wrong_sums(connection: Connection, ledger: Ledger) -> list[str]:
    rows = connection.execute("select student_id, total_xp from lockstep.specialization_progress")
    found = dict(rows.fetchall())
    wrong = {user: (found.get(user), xp) for user, xp in ledger.awarded.items() if found.get(user) != xp}
    return [
        *(f"user {user} has {there} XP, and was told of {told}" for user, (there, told) in wrong.items()),
        *([f"{desynced(connection)} pairs out of step"] if desynced(connection) else []),
        *([f"{broken_chains(connection)} places where a history breaks"] if broken_chains(connection) else []),
    ]


def session_of_an_admin(connection: Connection, settings: Settings) -> Callable[[], str]:
    """Begin a session that lasts; return what makes an access token of it, good for five minutes."""
    row = connection.execute(
        "with person as ("
        " insert into lockstep.users (email, name, role) values ('load@example.org', 'Load', 'admin') returning id"
        ") insert into lockstep.sessions (user_id, expires_at) select id, now() + interval '1 day' from person"
        " returning user_id, id"
    ).fetchone()
    assert row is not None
    user_id, session_id = row
    return partial(Tokens(settings.token_keys).issue, user_id, session_id, "admin")


def memory_of(master: int) -> list[int]:
    """Resident memory of each process of the service, in kB."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in children]
    return [int(status.partition("VmRSS:")[2].split()[0]) for status in statuses]


def main() -> int:
    """Run it; return 1 if something did not hold."""
    parser = argparse.ArgumentParser(description="The service under load, on a server of its own.")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with (
        scratch_server(folder_for_servers(), SERVER_SETTINGS) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        dsn = build(server, STUDENTS)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("select setval(pg_get_serial_sequence('lockstep.users', 'id'), %s)", [STUDENTS])
        everybody, admins = logins.ensure(dsn, server.home / "http-logins.json")
        settings = Settings(home=Path(folder), http_dsn=everybody, http_admin_dsn=admins, pools=PoolSettings())
        ledger = load(dsn, settings, Path(folder), given.clients, given.seconds, given.workers)
    print(f"{given.clients} clients, {given.workers} processes, {ledger.seconds:.0f} s\n{ledger.summary()}")
    for problem in ledger.problems[:20]:
        print(f"FAILED: {problem}")
    print("load:", "failed" if ledger.problems else "everything held")
    return 1 if ledger.problems else 0


if __name__ == "__main__":
    sys.exit(main())
