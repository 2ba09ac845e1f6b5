"""A small school, a release that is one migration and one function ahead of it, and who deploys it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from app import backup, db
from app.backup import Line
from app.deploy import Deployer
from app.schema import DEFAULT
from app.settings import PROJECT, BackupSettings, Settings
from tests.http.conftest import app, hasher, http_logins, people, pooler, settings, tokens, unhurried
from tests.pairs import Connection, add_users, call, level_up

__all__ = ["app", "hasher", "http_logins", "people", "pooler", "settings", "tokens", "unhurried"]

MIGRATION = "9000-badges"
UP = f"migrations/{MIGRATION}.sql"
DOWN = f"migrations/{MIGRATION}.rollback.sql"
CHANGED = "functions/reached_level.sql"

AHEAD = {
    UP: """
        create table lockstep.badges (
            user_id bigint not null references lockstep.users (id),
            name text not null,
            constraint badges_pkey primary key (user_id, name)
        );
        alter table lockstep.users add column nickname text;
        insert into lockstep.settings (name, value, kind, description)
        values ('badge_limit', '3', 'integer', 'Badges.');
        """,
    DOWN: """
        delete from lockstep.settings where name = 'badge_limit';
        alter table lockstep.users drop column nickname;
        drop table lockstep.badges;
        """,
    "functions/count_badges.sql": """
        create or replace function lockstep.count_badges(p_user_id bigint) returns bigint
        language sql stable set search_path = pg_catalog, pg_temp
        as 'select count(*) from lockstep.badges as badge where badge.user_id = p_user_id';
        """,
}


class World:
    """A database, a release, and a report of each deployment."""

    def __init__(self, dsn: str, folder: Path, release: Path, schema: str = DEFAULT) -> None:
        self.dsn, self.release, self.schema = dsn, release, schema
        self.backups = folder / "backups"
        self.lines: list[Line] = []
        self.said: list[str] = []
        self.told: Callable[[Line], None] = lambda _: None

    @property
    def settings(self) -> Settings:
        """The database's programs and the folder of backups, and nothing of the environment besides."""
        pgbin = Settings.from_environment().pgbin
        return Settings(dsn=self.dsn, home=self.backups.parent, pgbin=pgbin, backup=BackupSettings(self.backups))

    def deployer(self, release: Path | None = None) -> Deployer:
        """Who deploys the release, or another."""

        def tell(line: Line) -> None:
            self.lines.append(line)
            self.told(line)

        return Deployer(self.dsn, self.settings, tell, self.said.append, release or self.release, self.schema)

    def failed(self) -> list[str]:
        """The names of the lines that failed."""
        return [line.name for line in self.lines if line.status == "fail"]

    def back_up(self, keep: int = 7) -> Path:
        """Make a backup."""
        pgbin, schema = self.settings.pgbin, self.schema
        return backup.create(self.dsn, self.backups, keep, self.said.append, pgbin, schema=schema)

    def load(self, dump: Path, into: str) -> list[Line]:
        """Restore a backup as a database of its own."""
        return backup.load(dump, self.dsn, into, self.said.append, self.settings.pgbin)

    def contents(self) -> backup.Contents:
        """What the database holds."""
        with db.connect(self.dsn, self.schema) as connection, connection.transaction():
            return backup.inspect(connection)


def fill(connection: Connection) -> None:
    """Twenty students, some with history."""
    add_users(connection, *range(1, 21))
    connection.execute("select setval(pg_get_serial_sequence('lockstep.users', 'id'), 100)")
    for user in range(1, 11):
        level_up(connection, user, "PLAYER", 500 * user, 5 * user)
    call(connection, "update_level", 1, "COACH", 3, reason="assessed")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """The files of the next release: a table, a column, a setting, a function that is new and one that is another."""
    root = tmp_path / "sql"
    shutil.copytree(PROJECT / "sql", root)
    for name, text in AHEAD.items():
        (root / name).write_text(text)
    path = root / CHANGED
    path.write_text(path.read_text().replace("$function$\n", "$function$\n-- as of the next release\n", 1))
    return root


@pytest.fixture
def world(database: str, connection: Connection, tmp_path: Path, release: Path) -> World:
    """The school, and the release that is ahead of it."""
    fill(connection)
    return World(database, tmp_path, release)


@pytest.fixture
def restored(database: str, admin: Connection) -> Iterator[str]:
    """The name for a database that a backup is restored as."""
    name = f"{conninfo_to_dict(database)['dbname']}_restored"
    yield name
    admin.execute(f"drop database if exists {name} with (force)".encode())
