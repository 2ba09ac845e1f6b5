"""A streaming replica of a server of ours, on this machine."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.postgres import Server
from app.settings import Settings
from tests.pairs import value
from tests.support import wait_until

Connection = psycopg.Connection[Any]


@contextmanager
def following(primary: Server, folder: Path, settings: Mapping[str, str]) -> Iterator[Server]:
    """A replica of this server in a new folder, which goes in the end."""
    home = Path(tempfile.mkdtemp(prefix="lockstep-replica-", dir=folder))
    home.chmod(0o755)
    (home / "server").mkdir(mode=0o700)
    shutil.copy2(primary.home / "password", home / "password")
    subprocess.run(
        [
            *(primary.pgbin / "pg_basebackup", f"--dbname={primary.dsn}", f"--pgdata={home / 'server' / 'data'}"),
            *("--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream", "--no-sync"),
        ],
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    replica = Server(home, Settings.from_environment().pgbin, settings)
    try:
        replica.start()
        yield replica
    finally:
        replica.stop()
        shutil.rmtree(replica.home)


def catch_up(primary: Connection, replica: Connection) -> None:
    """Return once the replica has replayed all that is committed by now."""
    position = value(primary, "select pg_current_wal_flush_lsn()::text")

    def is_there() -> bool:
        return bool(value(replica, "select pg_last_wal_replay_lsn() >= %s::pg_lsn", position))

    wait_until(replica, is_there, f"the replica is at {position}")


@contextmanager
def paused(replica: Connection) -> Iterator[None]:
    """Let the replica replay nothing inside the block."""
    replica.execute("select pg_wal_replay_pause()")
    try:

        def is_paused() -> bool:
            return bool(value(replica, "select pg_get_wal_replay_pause_state()") == "paused")

        wait_until(replica, is_paused, "nothing is replayed")
        yield
    finally:
        replica.execute("select pg_wal_replay_resume()")
