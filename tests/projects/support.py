"""What the tests of projects say: make one, change it, read what is stored."""

import json
from typing import Any

import psycopg

from tests.pairs import Connection, call, rows, value

FILE = b"the first file"


def create(connection: Connection, actor: int = 1, title: str = "Maze", file: bytes = FILE, name: str = "a.sb3") -> Any:
    return call(connection, "create_project", actor, title, file, name)


def update(connection: Connection, actor: int, project: int, expected: int | None = None, **given: object) -> Any:
    return call(connection, "update_project", actor, project, expected, **given)


def read(connection: Connection, actor: int, project: int) -> Any:
    return call(connection, "read_project", actor, project)


def share(connection: Connection, project: int, permission: str, actor: int = 1, **grantee: int) -> Any:
    return call(connection, "share_project", actor, project, permission, **grantee)


def revisions(connection: Connection, project: int) -> list[Any]:
    """Every version that is stored, oldest first."""
    return rows(connection, "select * from lockstep.project_revisions where project_id = %s order by version", project)


def file_of(connection: Connection, actor: int, project: int, version: int | None = None) -> bytes:
    content: bytes = call(connection, "read_file", actor, project, version).content
    return content


def count(connection: Connection, table: str) -> int:
    found: int = value(connection, f"select count(*) from lockstep.{table}")
    return found


def conflict(error: psycopg.Error) -> dict[str, Any]:
    """What a refused write says about it."""
    detail: dict[str, Any] = json.loads(error.diag.message_detail or "")
    return detail


def add_group(connection: Connection, name: str, *members: int) -> int:
    group: int = value(connection, "select lockstep.get_or_create_group(%s)", name)
    connection.execute(
        "insert into lockstep.group_members (user_id, group_id) select unnest(%s::bigint[]), %s",
        [list(members), group],
    )
    return group
