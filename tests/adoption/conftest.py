"""An older database beside the clone that takes it over."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.adoption.adopt import Options, Result, adopt
from tests.adoption import legacy, legacy_projects
from tests.adoption.legacy import Manifest
from tests.pairs import Connection, rows

Adopt = Callable[..., Result]


@pytest.fixture
def old(empty_database: str) -> Iterator[Connection]:
    """A connection to an older database, which is empty so far."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def school(old: Connection) -> Manifest:
    """The older database, with 200 users and every fault."""
    return legacy.build(old, users=200)


@pytest.fixture
def makers(old: Connection, tmp_path: Path) -> Manifest:
    """The older database, with projects, whose files are in tmp_path."""
    return legacy_projects.build(old, tmp_path)


@pytest.fixture
def take(database: str, empty_database: str) -> Adopt:
    """Adopt the older database: take(apply=False, **options)."""

    def take(
        apply: bool = True,
        source: str = empty_database,
        report: Callable[[Result], None] = lambda result: None,
        **options: Any,
    ) -> Result:
        return adopt(database, source, Options(apply=apply, **options), lambda what, done, total: None, report=report)

    return take


# What an adoption writes down about itself.
OWN = ("adoption_runs", "adopted_rows", "adoption_staging", "adoption_pairs")


def checksum(connection: Connection, schema: str, without: tuple[str, ...] = ()) -> dict[str, str]:
    """A hash of every row of every table of a schema."""
    tables = rows(
        connection,
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind = 'r' order by 1",
        schema,
    )
    return {
        name: rows(
            connection,
            f"select coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') from {schema}.{name} as t",
        )[0][0]
        for (name,) in tables
        if name not in without
    }
