"""How gunicorn runs the application: `gunicorn --config app/gunicorn.py "app:create_app()"`.

Two processes of many threads: a thread that waits for a lock or for a connection keeps nobody else
waiting, and connections run out at the pool, where waiting is counted and bounded, before threads do.
docs/decisions/0005-http.md has the figures. `flask --app app serve` runs this, and so does `db run`.
"""

import ctypes
import os
import shutil
import signal
import tempfile
from pathlib import Path

# A process's memory, where there is such a folder: what is written there never waits for a disk.
MEMORY = next(place for place in (Path("/dev/shm"), Path(tempfile.gettempdir())) if os.access(place, os.W_OK))
FIGURES = f"lockstep-metrics-{os.getuid()}-"

# Each start has a folder of its own; prometheus_client asks for it when it is imported, so before the application.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    for old in MEMORY.glob(f"{FIGURES}*"):
        if not Path(f"/proc/{old.name.split('-')[3]}").exists():
            shutil.rmtree(old, ignore_errors=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=f"{FIGURES}{os.getpid()}-", dir=MEMORY)

import psycopg  # noqa: E402
from gunicorn.arbiter import Arbiter  # noqa: E402
from gunicorn.workers.base import Worker  # noqa: E402
from prometheus_client.multiprocess import mark_process_dead  # noqa: E402

from app import db  # noqa: E402
from app.http import logs, metrics  # noqa: E402
from app.http.database import Database  # noqa: E402
from app.postgres import Server  # noqa: E402
from app.serve import PARENT, STARTED_SERVER  # noqa: E402
from app.settings import Settings  # noqa: E402

settings = Settings.from_environment()

bind = f"{settings.service.bind}:{settings.service.port}"
workers = settings.service.workers
worker_class = "gthread"
threads = settings.threads
worker_tmp_dir = str(MEMORY)

# The application is read once, and a mistake in it ends the start; pools are opened by their process.
preload_app = True

# Seconds: without a sign of life from a process, for requests under way at the end, of silence on a connection.
timeout = 30
graceful_timeout = 15
keepalive = 5

# Nobody in front is believed, whatever their headers say, until somebody names them here.
forwarded_allow_ips = ""
proxy_allow_ips = ""
control_socket_disable = True

# The application writes a line a request itself.
accesslog = None
logconfig_dict = logs.configuration()

PR_SET_PDEATHSIG = 1

if PARENT in os.environ:
    # `db run` started this, and takes it along even where it is killed and can stop nothing.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(os.environ[PARENT]):
        raise SystemExit("lockstep: the process that started the service is gone")


def on_starting(server: Arbiter) -> None:
    """Refuse to start with pools that may grow beyond what the database has free."""
    if not settings.http_dsn or not settings.http_admin_dsn:
        raise SystemExit("lockstep: LOCKSTEP_HTTP_DSN and LOCKSTEP_HTTP_ADMIN_DSN are not set")
    wanted = workers * settings.pools.largest
    try:
        free = free_connections(settings.http_dsn)
    except psycopg.OperationalError as error:
        server.log.warning("the database does not answer yet; /readyz will say when it does: %s", error)
        return
    if free is not None and wanted > free:
        raise SystemExit(
            f"lockstep: {workers} processes with up to {settings.pools.largest} connections each want {wanted},"
            f" and the database has {free} free: lower LOCKSTEP_WORKERS or LOCKSTEP_POOL, or raise max_connections"
        )


def free_connections(dsn: str) -> int | None:
    """Ask the database how many connections it has free; None where a pooler stands between.

    A pooler hands out process numbers that are not the server's, and bounds connections by itself.
    """
    with db.connect(dsn, settings.schema) as connection, connection.transaction():
        connection.execute("select set_config('role', 'lockstep_app', true)", prepare=False)
        row = connection.execute("select pg_backend_pid(), lockstep.free_connections()", prepare=False).fetchone()
        assert row is not None
        return int(row[1]) if row[0] == connection.info.backend_pid else None


def post_worker_init(worker: Worker) -> None:
    """Watch the pools of a new process."""
    database: Database | None = worker.wsgi.extensions.get("lockstep.database")
    if database:
        database.open()
        metrics.watch(database)


def worker_exit(server: Arbiter, worker: Worker) -> None:
    """Close the connections of a process that ends; the arbiter calls this too, for one that never came up."""
    if worker.pid == os.getpid() and (database := worker.wsgi.extensions.get("lockstep.database")):
        metrics.note_requests(database)
        database.close()


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Take what a process had out of the figures that go up and down."""
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Arbiter) -> None:
    """Take the figures away, and stop the database for a `db run` that was killed and cannot."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    if STARTED_SERVER in os.environ and os.getppid() != int(os.environ[PARENT]):
        Server.from_settings(settings).stop()
