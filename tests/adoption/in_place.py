"""The whole way there and back with a made-up school: `python -m tests.adoption.in_place --users 20000`.

Works in a scratch database beside the embedded one, which is dropped at the end. Fails if a sum does not add
up, a pair is out of step, a guard is not as installed, or the way back does not end where it began.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable

import psycopg
from psycopg.conninfo import make_conninfo
from tabulate import tabulate

from app.migrator import Migrator, dump
from app.postgres import Server, wheel_pgbin
from app.settings import Settings
from app.takeover import Report, give_back, take_over
from tests.adoption import legacy


def timed(what: str, work: Callable[[], Report]) -> Report:
    """Run it and say how long it took."""
    began = time.monotonic()
    report = work()
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)
    return report


def contents(dsn: str) -> list[object]:
    """A hash of the rows of each old table in public."""
    with psycopg.connect(dsn) as connection:
        return [
            connection.execute(
                f"select md5(string_agg(t::text, e'\\n' order by t.id)) from public.{table} as t".encode()
            ).fetchone()
            for table in legacy.TABLES
        ]


def main() -> int:
    """Build, take over, look, give back, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    users = parser.parse_args().users
    settings = Settings.from_environment()
    dsn = settings.dsn or Server.from_settings(settings).start()
    name = f"lockstep_take_over_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"create database {name}".encode())
        try:
            return there_and_back(make_conninfo(dsn, dbname=name), users)
        finally:
            admin.execute(f"drop database {name} with (force)".encode())


def there_and_back(dsn: str, users: int) -> int:
    """Return how many checks failed."""
    migrator = Migrator(dsn, say=lambda _: None)
    with psycopg.connect(dsn) as connection:
        manifest = legacy.build(connection, users=users)
    print(f"{users} users, faults: {', '.join(f'{n} {fault}' for fault, n in sorted(manifest.faults.items()))}")
    pg_dump = (Settings.from_environment().pgbin or wheel_pgbin()) / "pg_dump"
    before = dump(dsn, pg_dump, "public"), contents(dsn)
    timed("dry run", lambda: take_over(migrator, apply=False))
    report = timed("take-over", lambda: take_over(migrator, apply=True))
    for line in report.lines:
        if line.part in ("quarantined", "merged", "repaired", "made", "moved"):
            print(f"  {line.part:<12} {line.subject:<24} {line.detail}")
    print(tabulate([account.row() for account in report.accounts], headers="keys"))
    with psycopg.connect(dsn) as connection:
        looks = {
            "pairs out of step": "select count(*) from lockstep.desync",
            "guards not as installed": "select count(*) from lockstep.guard_status where status <> 'intact'",
            "failed checks": "select count(*) from lockstep.deployment_report() where status = 'fail'",
        }
        failed = 0
        for what, query in looks.items():
            (found,) = connection.execute(query.encode()).fetchone() or (1,)
            print(f"{what}: {found}")
            failed += found
    timed("give-back", lambda: give_back(migrator, apply=True))
    same = (dump(dsn, pg_dump, "public"), contents(dsn)) == before
    print("rows and schema are what they were" if same else "NOT what it was")
    return failed + (not same)


if __name__ == "__main__":
    sys.exit(bool(main()))
