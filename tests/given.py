"""A server that somebody names in LOCKSTEP_TEST_DSN, in the place of the run's own: `make test DSN=…`.

The DSN is a superuser's. Its databases whose names begin with `test_`, `empty_` and `lockstep_template` are this
run's, and so are its roles of schools; it is never started or stopped.
"""

import os
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from app.postgres import Server
from tests.support import SERVER_SETTINGS

VARIABLE = "LOCKSTEP_TEST_DSN"


class GivenServer(Server):
    """A server that is there already; its folder is for what processes of the run tell each other."""

    def __init__(self, home: Path, pgbin: Path | None, dsn: str) -> None:
        super().__init__(home, pgbin, SERVER_SETTINGS)
        self.given = conninfo_to_dict(dsn)

    def start(self) -> str:
        """Do nothing but make the folder."""
        self.home.mkdir(parents=True, exist_ok=True)
        return self.dsn

    def stop(self) -> bool:
        """Take this run's databases away."""
        with psycopg.connect(self.dsn_for("postgres"), autocommit=True) as connection:
            ours = "datname like 'lockstep\\_template%' or datname like 'test\\_%' or datname like 'empty\\_%'"
            for (name,) in connection.execute(f"select datname from pg_database where {ours}".encode()).fetchall():
                connection.execute(f'alter database "{name}" with is_template false'.encode())
                connection.execute(f'drop database "{name}" with (force)'.encode())
        return False

    def is_running(self) -> bool:
        """Whether this run has begun to use it."""
        return self.home.exists()

    def dsn_for(self, database: str, *, unix_socket: bool = False) -> str:
        """Return the DSN of another of its databases, always by TCP."""
        name, password = self.given.get("user", "postgres"), self.given.get("password", "")
        login = f"{quote(str(name))}:{quote(str(password))}" if password else quote(str(name))
        host, port = self.given.get("host", "127.0.0.1"), self.given.get("port", 5432)
        return f"postgresql://{login}@{host}:{port}/{quote(database)}"


def given() -> str | None:
    """The DSN that was given."""
    return os.environ.get(VARIABLE) or None


def ask(query: str) -> list[str]:
    """What the given server says, a value a row."""
    with psycopg.connect(given() or "", dbname="postgres") as connection:
        return [str(row[0]) for row in connection.execute(query.encode())]
