"""What did not come over from other systems, however it was taken over: the view adoption_quarantine, counted."""

from typing import Any

from psycopg.rows import dict_row

from app import db

COUNTED = """
select way, source, table_name, outcome, array_to_string(reasons, ', ') as reasons, count(*) as rows
from lockstep.adoption_quarantine
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5
"""
LISTED = """
select way, source, table_name, outcome, array_to_string(reasons, ', ') as reasons, source_id, user_id
from lockstep.adoption_quarantine
order by way, source, table_name, length(source_id), source_id
"""


def read(connection: db.Connection, *, each: bool = False) -> list[dict[str, Any]]:
    """Say how many rows of which table stand there for which reason, or name each of them."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(LISTED if each else COUNTED).fetchall()
