"""The database that is taken over: read in one snapshot, and never written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql


class AdoptionError(Exception):
    """The adoption cannot be done; the text says why."""


@dataclass(frozen=True)
class Table:
    """A table that is known: its key, the columns it cannot do without, and the one whose sum is compared."""

    name: str
    key: tuple[str, ...] = ("id",)
    needs: tuple[str, ...] = ()
    level: str | None = None
    xp: str | None = None


# What decides that a set is there comes first in it, besides users.
LEVELS = (
    Table(
        "specialization_progress",
        needs=("student_id", "specialization_id", "current_level"),
        level="current_level",
        xp="total_xp",
    ),
    Table("user_licenses", needs=("user_id", "specialization_type", "current_level"), level="current_level"),
    Table("license_progressions", needs=("user_license_id", "to_level"), level="to_level"),
    Table("specializations", level="max_levels"),
    Table("player_levels"),
    Table("coach_levels"),
    Table("internship_levels"),
)
PROJECTS = (
    Table("projects"),
    Table("assets"),
    Table("groups", needs=("name",)),
    Table("user_groups", key=("user_id", "group_id")),
)
USERS = Table("users", needs=("email",))

WITH_FILES = ("projects", "assets")
NUMBERS = ("smallint", "integer", "bigint", "numeric")

COLUMNS = """
select table_name, column_name, data_type
from information_schema.columns
where table_schema = %s and table_name = any(%s)
"""


@dataclass(frozen=True)
class Found:
    """What a table of the source holds."""

    rows: int
    level: int
    xp: int


class Source:
    """An open source; `tables` are those of its tables that are adopted, users first."""

    def __init__(self, connection: psycopg.Connection[Any], schema: str) -> None:
        self.connection, self.schema = connection, schema
        known = (USERS, *LEVELS, *PROJECTS)
        self.columns: dict[str, dict[str, str]] = {}
        for table, column, kind in connection.execute(COLUMNS, [schema, [table.name for table in known]]):
            self.columns.setdefault(table, {})[column] = kind
        sets = [tables for tables in (LEVELS, PROJECTS) if tables[0].name in self.columns]
        self.tables = [
            table for table in (USERS, *(one for group in sets for one in group)) if table.name in self.columns
        ]
        self._check()

    def _check(self) -> None:
        if len(self.tables) < 2 or self.tables[0] is not USERS:
            raise AdoptionError(
                f"the schema {self.schema} has neither users and specialization_progress nor users and projects"
            )
        for table in self.tables:
            lacking = [name for name in (*table.key, *table.needs) if name not in self.columns[table.name]]
            if lacking:
                raise AdoptionError(f"{self.schema}.{table.name} has no column {', '.join(lacking)}")

    @property
    def name(self) -> str:
        """What the source is known by where nobody says otherwise: its database."""
        return self.connection.info.dbname

    @property
    def has_files(self) -> bool:
        """Whether some of it stands on disk."""
        return any(table.name in WITH_FILES for table in self.tables)

    def copy(self, table: Table) -> Iterator[bytes]:
        """Every row as the staging table takes it: name, key, content; a key that comes twice is numbered."""
        key = sql.SQL(" || ':' || ").join(
            sql.SQL("coalesce({}::text, '')").format(sql.Identifier("row", column)) for column in table.key
        )
        query = sql.SQL(
            "copy ("
            "select {name}, keyed.key || case when keyed.n > 1 then '#' || keyed.n else '' end, keyed.content"
            " from (select {key} as key, to_jsonb(row) as content,"
            " row_number() over (partition by {key} order by to_jsonb(row)::text) as n"
            " from {table} as row) as keyed"
            ") to stdout"
        ).format(name=table.name, key=key, table=sql.Identifier(self.schema, table.name))
        with self.connection.cursor() as cursor, cursor.copy(query) as copy:
            for data in copy:
                yield bytes(data)

    def count(self, table: Table) -> Found:
        """Count and add up a table where it stands, to compare with what came over."""

        def total(column: str | None) -> sql.Composable:
            if column is None or self.columns[table.name].get(column) not in NUMBERS:
                return sql.SQL("0")
            return sql.SQL("coalesce(sum({}), 0)").format(sql.Identifier(column))

        query = sql.SQL("select count(*), {}, {} from {}").format(
            total(table.level), total(table.xp), sql.Identifier(self.schema, table.name)
        )
        (row,) = self.connection.execute(query).fetchall()
        return Found(*map(int, row))


@contextmanager
def read(dsn: str, schema: str) -> Iterator[Source]:
    """Open a source in one read-only snapshot; SELECT on its tables is all that its role needs."""
    with psycopg.connect(dsn, application_name="lockstep adopt") as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield Source(connection, schema)
        connection.rollback()
