"""Where Lockstep's database is, read from the environment in this one place.

LOCKSTEP_DSN    that server, 15 or later: nothing is started or stopped
LOCKSTEP_PGBIN  the folder of PostgreSQL's programs, instead of the wheel's
LOCKSTEP_HOME   the folder of the embedded server, instead of .lockstep in the project

What HTTP needs; `make run` finds out by itself:

LOCKSTEP_HTTP_DSN        login of the routes for everybody (lockstep_http), perhaps through PgBouncer
LOCKSTEP_HTTP_ADMIN_DSN  login of the routes for admins only (lockstep_http_admin)
LOCKSTEP_TOKEN_KEYS      file with the keys of access tokens, instead of token-keys.json in the home
LOCKSTEP_POOL            connections of a process, at least and at most: 20-60
LOCKSTEP_POOL_ADMIN      the same for admins: 1-5
LOCKSTEP_PREPARE         executions after which a statement is prepared; `never` behind PgBouncer before 1.21
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class PoolSettings:
    """How many connections a process holds, and for how long.

    size       kept open, and opened at most, of the pool for everybody
    admin_size the same of the pool for admins
    waiting    requests that may wait for a connection; the next is refused at once
    timeout    seconds that one waits
    max_idle   seconds after which a connection beyond the smallest size is closed
    lifetime   seconds after which a connection is replaced
    prepare    executions after which a statement is prepared; None behind PgBouncer before 1.21
    """

    size: tuple[int, int] = (20, 60)
    admin_size: tuple[int, int] = (1, 5)
    waiting: int = 200
    timeout: float = 5.0
    max_idle: float = 60.0
    lifetime: float = 3600.0
    prepare: int | None = 5

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "PoolSettings":
        """Read what may be set; raises ValueError for a word where a number belongs."""
        prepare = environment.get("LOCKSTEP_PREPARE") or "5"
        return cls(
            size=_range(environment.get("LOCKSTEP_POOL") or "20-60"),
            admin_size=_range(environment.get("LOCKSTEP_POOL_ADMIN") or "1-5"),
            prepare=None if prepare == "never" else int(prepare),
        )


@dataclass(frozen=True)
class Settings:
    """What a process of Lockstep is told from outside."""

    home: Path = PROJECT / ".lockstep"
    dsn: str | None = None
    pgbin: Path | None = None
    schema: str = "lockstep"
    http_dsn: str | None = None
    http_admin_dsn: str | None = None
    keys: Path | None = None
    pools: PoolSettings = PoolSettings()
    largest_json: int = 64 * 1024  # bytes

    @property
    def token_keys(self) -> Path:
        """The file with the keys of access tokens."""
        return self.keys or self.home / "token-keys.json"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; a variable that is empty counts as unset."""
        pgbin = environment.get("LOCKSTEP_PGBIN")
        keys = environment.get("LOCKSTEP_TOKEN_KEYS")
        return cls(
            home=Path(environment.get("LOCKSTEP_HOME") or cls.home).absolute(),
            dsn=environment.get("LOCKSTEP_DSN") or None,
            pgbin=Path(pgbin).absolute() if pgbin else None,
            http_dsn=environment.get("LOCKSTEP_HTTP_DSN") or None,
            http_admin_dsn=environment.get("LOCKSTEP_HTTP_ADMIN_DSN") or None,
            keys=Path(keys).absolute() if keys else None,
            pools=PoolSettings.from_environment(environment),
        )


def _range(text: str) -> tuple[int, int]:
    """Read `20-60`."""
    least, _, most = text.partition("-")
    return int(least), int(most or least)
