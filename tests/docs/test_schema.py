"""docs/schema.sql is the schema as it is: a change of it shows in a review.

LOCKSTEP_WRITE=1 writes it anew. From PostgreSQL 15: each version's pg_dump prints it its own way.
"""

import os
from pathlib import Path

import pytest

from app.migrator import dump
from app.settings import PROJECT

SCHEMA = PROJECT / "docs" / "schema.sql"


@pytest.mark.needs_major(15)
def test_the_committed_schema_is_the_schema(database: str, pgbin: Path) -> None:
    dumped = dump(database, pgbin / "pg_dump")
    if os.environ.get("LOCKSTEP_WRITE"):
        SCHEMA.write_text(dumped, "utf-8")
    assert SCHEMA.read_text("utf-8") == dumped
