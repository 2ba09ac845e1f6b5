"""PgBouncer in transaction mode between the service and this run's server, as Debian ships it."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app.postgres import HOST, Server
from tests.support import DEADLINE, folder_for_servers

PROGRAM = "/usr/sbin/pgbouncer"
CONSOLE = "console"

CONFIGURATION = """\
[databases]
* = host={server_host} port={server_port}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
admin_users = {console}
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
"""


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer."""

    port: int

    def forget(self, database: str) -> None:
        """Close the connections that it holds to a database, so that it can be dropped."""
        with (
            psycopg.connect(
                host=HOST, port=self.port, user=CONSOLE, password=CONSOLE, dbname="pgbouncer", autocommit=True
            ) as console,
            suppress(psycopg.Error),
        ):  # nobody went there through it
            # The console speaks the simple protocol only.
            console.pgconn.exec_(f"kill {database}".encode())


@contextmanager
def pooler(server: Server, logins: Mapping[str, str], settings: str = "") -> Iterator[Pooler]:
    """Run PgBouncer, as the user that runs the server, for these logins and their passwords; add settings."""
    folder = Path(tempfile.mkdtemp(prefix="lockstep-pooler-", dir=folder_for_servers()))
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    users = "".join(f'"{name}" "{word}"\n' for name, word in {**logins, CONSOLE: CONSOLE}.items())
    (folder / "users").write_text(users)
    there = psycopg.conninfo.conninfo_to_dict(server.dsn)
    (folder / "pgbouncer.ini").write_text(
        CONFIGURATION.format(
            host=HOST,
            port=port,
            server_host=there["host"],
            server_port=there["port"],
            folder=folder,
            console=CONSOLE,
        )
        + settings
    )
    is_root = os.geteuid() == 0
    if is_root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, server.user.pw_uid, server.user.pw_gid)
    with (folder / "log").open("w") as log:
        run = subprocess.Popen(
            [PROGRAM, folder / "pgbouncer.ini"],
            stdout=log,
            stderr=log,
            user=server.user.pw_uid if is_root else None,
            group=server.user.pw_gid if is_root else None,
            extra_groups=[] if is_root else None,
        )
    try:
        for _ in range(DEADLINE * 50):
            with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
                break
            assert run.poll() is None, (folder / "log").read_text()
            with suppress(subprocess.TimeoutExpired):
                run.wait(0.02)
        yield Pooler(port)
    finally:
        run.terminate()
        run.wait()
        shutil.rmtree(folder)
