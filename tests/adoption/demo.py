"""Build an older school of many users, with every fault, and take it over: `make adopt-demo`.

In two scratch databases beside the one of the settings, which are dropped at the end.
"""

import argparse
import os
import sys
import time
from contextlib import closing

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app import create_app, curriculum
from app.cli import dsn
from app.migrator import Migrator
from tests.adoption import legacy


def main() -> int:
    """Take the older database over twice: the second time there is nothing left to do."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    users = parser.parse_args().users
    app = create_app()
    with app.app_context():
        where = dsn()
    names = [f"lockstep_{kind}_{os.getpid()}" for kind in ("old", "new")]
    old, new = (make_conninfo(where, dbname=name) for name in names)
    with closing(psycopg.connect(where, autocommit=True)) as connection:
        for name in names:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            return take_over(old, new, users)
        finally:
            for name in names:
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def take_over(old: str, new: str, users: int) -> int:
    """Build, install, adopt by the command itself; return its exit code."""
    with psycopg.connect(old) as connection:
        manifest = legacy.build(connection, users=users)
    print("planted: " + ", ".join(f"{count} {fault}" for fault, count in sorted(manifest.faults.items())))
    migrator = Migrator(new)
    migrator.migrate()
    migrator.load()
    curriculum.load(new)
    os.environ["LOCKSTEP_DSN"] = new
    runner = create_app().test_cli_runner()
    for _ in range(2):
        started = time.monotonic()
        result = runner.invoke(args=["adopt", "--from", old, "--name", "old school", "--apply"])
        print(f"{result.output}\n{time.monotonic() - started:.1f} s\n")
        if result.exit_code:
            return int(result.exit_code)
    with psycopg.connect(new) as connection:
        (desyncs,) = connection.execute("select count(*) from lockstep.desync").fetchone() or (None,)
        guards = connection.execute("select from lockstep.guard_status where status <> 'intact'").rowcount
    print(f"{desyncs} pairs out of step, {guards} guards not as installed")
    return int(bool(desyncs or guards))


if __name__ == "__main__":
    sys.exit(main())
