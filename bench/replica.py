"""What a call over HTTP costs, where: the service's processes, the primary, the replica.

    python -m bench.replica

Two services in production form, one process each, over a primary and its streaming replica on this machine:
one knows the replica, the other does not. Both are asked in turn, in slices. What is counted is CPU time, of all
threads and all processes of each, so a busy machine counts for little. Writes bench/results/replica.json:
`ours` with a replica, `floor` without.
"""

import argparse
import json
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tabulate import tabulate

from app import logins
from app.http.tokens import Tokens
from app.postgres import Server
from app.settings import PROJECT, Settings
from bench.arena import SETTINGS, Row, fill
from tests.http.replicas import catch_up, following
from tests.http.serving import Service, served
from tests.torture.scratch import build, scratch_server

RESULTS = PROJECT / "bench" / "results" / "replica.json"

CLIENTS = 4
READERS = 100
KINDS = ("read", "award")
PARTS = ("service", "primary", "replica")


class Place:
    """A primary, its replica, and two services that do without it and with it."""

    def __init__(self, primary: Server, replica: Server, without: Service, using: Service, tokens: list[str]) -> None:
        self.primary, self.replica, self.services, self.tokens = primary, replica, (without, using), tokens
        self.turn = 0

    def slice(self, kind: str, with_replica: bool, calls: int) -> dict[str, float]:
        """CPU microseconds a call, by part. Raises RuntimeError where a call is refused."""
        self.turn += 1
        service = self.services[with_replica]
        before = self._taken(service)
        with ThreadPoolExecutor(CLIENTS) as threads:
            for done in [threads.submit(self._ask, service, kind, calls // CLIENTS, part) for part in range(CLIENTS)]:
                done.result()
        return {part: (taken - before[part]) / calls for part, taken in self._taken(service).items()}

    def _ask(self, service: Service, kind: str, calls: int, part: int) -> None:
        with service.connect() as connection:
            for number in range(calls):
                # The last token is the admin's; what is awarded goes to people who do not read.
                reader = 1 + (number * CLIENTS + part) % READERS
                path = f"/api/v1/users/{reader + (READERS if kind == 'award' else 0)}/progress/PLAYER"
                if kind == "read":
                    answer = service.over(connection, self.tokens[reader], "GET", path)
                else:
                    answer = service.over(connection, self.tokens[0], "POST", f"{path}/xp", json={"xp_gained": 1})
                if answer.status != 200:
                    raise RuntimeError(f"{kind}: {answer.status} {answer.content!r}")

    def _taken(self, service: Service) -> dict[str, float]:
        return {
            "service": sum(map(cpu, service.workers())),
            "primary": server_cpu(self.primary),
            "replica": server_cpu(self.replica),
        }


def cpu(pid: int) -> float:
    """Microseconds of CPU that a process took, all threads together; 0 for one that is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def server_cpu(server: Server) -> float:
    """The same of a server: the processes that it has now. Its pools keep their sessions."""
    process = server.postmaster()
    assert process is not None
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
    return sum(cpu(pid) for pid in (process.pid, *map(int, children)))


def rows(place: Place, calls: int, rounds: int) -> Iterator[Row]:
    """Ask both services in turn; a line a kind of call and part."""
    taken: dict[tuple[str, bool], list[dict[str, float]]] = {}
    for turn in range(rounds + 1):
        for kind in KINDS:
            for with_replica in (True, False) if turn % 2 else (False, True):
                sample = place.slice(kind, with_replica, calls)
                if turn:  # the first opens connections and prepares statements
                    taken.setdefault((kind, with_replica), []).append(sample)
    for kind in KINDS:
        for part in PARTS:
            ours, floor = (statistics.median(one[part] for one in taken[kind, which]) for which in (True, False))
            yield {
                "name": f"{kind} over HTTP, CPU of the {part}",
                "unit": "µs a call",
                "ours": round(ours),
                "floor": round(floor),
                "ratio": round(ours / floor, 2) if floor > ours / 100 else None,  # or it has nothing to do
                "target": None,
                "ok": True,
            }


def run(folder: Path, calls: int, rounds: int) -> list[Row]:
    """Measure on servers of its own."""
    with ExitStack() as stack:
        primary = stack.enter_context(scratch_server(folder, SETTINGS))
        dsn = build(primary, 2 * READERS)
        everybody, admins = logins.ensure(dsn, primary.home / "http-logins.json")
        replica = stack.enter_context(following(primary, folder, SETTINGS))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        read_dsn = make_conninfo(everybody, port=conninfo_to_dict(replica.dsn)["port"])
        plain = Settings(home=home, http_dsn=everybody, http_admin_dsn=admins)
        with (
            psycopg.connect(dsn, autocommit=True) as connection,
            psycopg.connect(replica.dsn, autocommit=True) as other,
        ):
            fill(connection, 2 * READERS)
            tokens = issued(connection, plain)
            catch_up(connection, other)
        without = stack.enter_context(served(plain))
        using = stack.enter_context(served(replace(plain, read_dsn=read_dsn)))
        return list(rows(Place(primary, replica, without, using, tokens), calls, rounds))


def issued(connection: psycopg.Connection[tuple[object, ...]], settings: Settings) -> list[str]:
    """Access tokens: of an admin, and of users 1 to READERS."""
    connection.execute(
        "insert into lockstep.users (id, email, name, role) values (%s, 'ada@example.org', 'Ada', 'admin')",
        [2 * READERS + 1],
    )
    people = connection.execute(
        "insert into lockstep.sessions (user_id, expires_at)"
        " select id, now() + interval '1 day' from lockstep.users where role = 'admin' or id <= %s"
        " returning user_id, id, (select role from lockstep.users where id = user_id)",
        [READERS],
    ).fetchall()
    keys = Tokens(settings.token_keys)
    found = {int(str(user)): keys.issue(int(str(user)), session, str(role)) for user, session, role in people}  # type: ignore[arg-type]
    admin = max(found)
    return [found[admin], *(found[user] for user in range(1, READERS + 1))]


def main() -> int:
    """Run it; see the module."""
    parser = argparse.ArgumentParser(prog="python -m bench.replica", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=1000, help="of a slice")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="for the data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    found = run(given.folder, given.calls, given.rounds)
    given.results.parent.mkdir(exist_ok=True)
    given.results.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(tabulate(found, headers="keys", missingval="-"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
