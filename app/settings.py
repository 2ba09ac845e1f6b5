"""Where Lockstep's database is, read from the environment in this one place.

LOCKSTEP_DSN    that server, 15 or later: nothing is started or stopped
LOCKSTEP_PGBIN  the folder of PostgreSQL's programs, instead of the wheel's
LOCKSTEP_HOME   the folder of the embedded server, instead of .lockstep in the project
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """What a process of Lockstep is told from outside."""

    home: Path = PROJECT / ".lockstep"
    dsn: str | None = None
    pgbin: Path | None = None
    schema: str = "lockstep"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; a variable that is empty counts as unset."""
        pgbin = environment.get("LOCKSTEP_PGBIN")
        return cls(
            home=Path(environment.get("LOCKSTEP_HOME") or cls.home).absolute(),
            dsn=environment.get("LOCKSTEP_DSN") or None,
            pgbin=Path(pgbin).absolute() if pgbin else None,
        )
