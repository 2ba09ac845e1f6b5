"""Builds the other kind of older system: projects and assets, string ids, files on disk, with its faults.

manifest = legacy_projects.build(connection, folder)
"""

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from tests.adoption.legacy import Manifest
from tests.http.files import png, sb3

Row = dict[str, Any]

COLUMNS = {
    "users": """
        id varchar(36) primary key, username varchar(100), email varchar(255), display_name varchar(255),
        created_at timestamp
    """,
    "groups": "id serial primary key, name varchar(300), description text",
    "user_groups": "user_id varchar(36), group_id integer",
    "projects": """
        id varchar(36) primary key, title varchar(300), description text, owner_id varchar(36), file_path text,
        is_public boolean, created_at timestamp, updated_at timestamp
    """,
    "assets": """
        id varchar(40) primary key, type varchar(20), format varchar(10), owner_id varchar(36), size integer,
        created_at timestamp
    """,
}
TABLES = tuple(COLUMNS)
DAY = datetime(2023, 3, 26, 1, 30)
NOBODY = str(UUID(int=2**120))


def build(connection: psycopg.Connection[Any], folder: Path, users: int = 12, schema: str = "public") -> Manifest:
    """Make and fill the tables and the folder; each user has a project and an asset, and the faults come on top."""
    world = _World(folder, users)
    world.fill()
    with connection.transaction():
        connection.execute(sql.SQL("set local search_path = {}").format(sql.Identifier(schema)))
        for table, columns in COLUMNS.items():
            connection.execute(f"create table {table} ({columns})".encode())
            for row in world.tables[table]:
                names = sql.SQL(", ").join(map(sql.Identifier, row))
                marks = sql.SQL(", ").join(sql.Placeholder() * len(row))
                insert = sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), names, marks)
                connection.execute(insert, list(row.values()))
    return world.manifest


class _World:
    def __init__(self, folder: Path, users: int) -> None:
        self.folder, self.count = folder, users
        self.tables: dict[str, list[Row]] = {table: [] for table in TABLES}
        self.manifest = Manifest()
        for name in TABLES[3:]:
            (folder / name).mkdir(parents=True)

    def fill(self) -> None:
        ids = [str(UUID(int=n)) for n in range(1, self.count + 1)]
        for n, id in enumerate(ids, 1):
            self.user(id, f"maker{n}@school.example")
            self.project(f"p{n}", owner=id, title=f"Maze {n}", file=sb3(number=n))
            self.asset(png(n % 256), owner=id)
        self.fault("user_same_mail", 1)
        self.user(str(UUID(int=900)), "MAKER1@school.example")
        for name in ("Red", "Blue"):
            self.group(name)
        self.fault("group_same_name", 1)
        self.group("RED")
        self.fault("group_no_name", 1)
        self.group(" ")
        for n, id in enumerate(ids):
            self.tables["user_groups"].append({"user_id": id, "group_id": n % 3 + 1})
        self.fault("member_of_nobody", 1)
        self.tables["user_groups"].append({"user_id": NOBODY, "group_id": 1})
        self.fault("member_of_no_group", 1)
        self.tables["user_groups"].append({"user_id": ids[0], "group_id": 77})
        self.fault("member_twice", 1)
        self.tables["user_groups"].append({"user_id": ids[0], "group_id": 1})
        self.faulty_files(ids[0])
        for table, rows in self.tables.items():
            self.manifest.rows[table] = len(rows)
        self.manifest.sums["bytes"] = sum(
            path.stat().st_size for name in TABLES[3:] for path in (self.folder / name).iterdir()
        )

    def faulty_files(self, owner: str) -> None:
        self.fault("project_no_file", 1)
        self.project("gone", owner=owner, title="Gone", file=None)
        self.fault("project_no_zip", 1)
        self.project("broken", owner=owner, title="Broken", file=b"no zip")
        self.fault("project_leads_out", 1)
        self.project("out", owner=owner, title="Out", file=None, file_path="../../etc/passwd")
        self.fault("project_of_nobody", 1)
        self.project("orphan", owner=NOBODY, title="Orphan", file=sb3(number=-1))
        self.fault("project_no_title", 1)
        self.project("untitled", owner=owner, title=None, file=sb3(number=-2))
        self.fault("asset_no_file", 1)
        self.asset(png(250), owner=owner, on_disk=False)
        self.fault("asset_md5_differs", 1)
        self.asset(png(251), owner=owner, id="0" * 32)
        self.fault("asset_of_nobody", 1)
        self.asset(png(252), owner=NOBODY)
        self.fault("asset_no_picture", 1)
        self.asset(b"no picture", owner=owner)

    def fault(self, name: str, count: int) -> None:
        self.manifest.faults += Counter({name: count})

    def user(self, id: str, email: str) -> None:
        name = email.partition("@")[0]
        self.tables["users"].append(
            {"id": id, "username": name, "email": email, "display_name": name.title(), "created_at": DAY}
        )

    def group(self, name: str) -> None:
        self.tables["groups"].append({"name": name, "description": "A class"})

    def project(self, id: str, owner: str, title: str | None, file: bytes | None, **given: object) -> None:
        if file is not None:
            (self.folder / "projects" / f"{id}.sb3").write_bytes(file)
        row = {
            "id": id,
            "title": title,
            "description": "Runs",
            "owner_id": owner,
            "file_path": f"projects/{id}.sb3",
            "is_public": True,
            "created_at": DAY,
            "updated_at": DAY,
        }
        self.tables["projects"].append(row | given)

    def asset(self, content: bytes, owner: str, id: str | None = None, on_disk: bool = True) -> None:
        id = id or hashlib.md5(content, usedforsecurity=False).hexdigest()
        if on_disk:
            (self.folder / "assets" / f"{id}.png").write_bytes(content)
        self.tables["assets"].append(
            {"id": id, "type": "costume", "format": "png", "owner_id": owner, "size": len(content), "created_at": DAY}
        )
