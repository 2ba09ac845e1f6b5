"""What is held about a person is exported, and is erased or kept for a reason, table by table, column by column."""

import re

import pytest

from tests.contract.sources import BODIES
from tests.pairs import Connection, rows
from tests.personal import user_columns

# Of tables that say which user: words and addresses that stay after an erasure, and why they may.
KEPT = {
    "figures, and names of ours": {
        *("specialization_progress.specialization_id", "user_licenses.specialization_type"),
        *("license_progressions.route", "sync_runs.kind", "sync_runs.direction", "sync_runs.status"),
        *("sync_runs.specialization_id", "sync_run_items.specialization_id", "sync_run_items.issue_type"),
        *("sync_run_items.action", "sync_run_items.source", "sync_run_items.outcome", "sync_run_items.error_code"),
        *("sync_run_items.progress_before", "sync_run_items.progress_after", "users.role"),
        *("quarantine.migration", "quarantine.table_name", "quarantine.reason", "quarantine.row_id"),
    },
    "a role of the database, not of the person": {"license_progressions.database_role", "sync_runs.applied_role"},
    "what is still to be applied, once": {
        *("queued_level_ups.specialization_id", "queued_level_ups.idempotency_key", "queued_level_ups.error_code"),
        "queued_level_ups.database_role",
    },
    "a content that projects name, and not who made it": {
        *("assets.id", "assets.sha256", "assets.type", "assets.format"),
    },
    "what keeps somebody erased from coming back with the next adoption": {
        *("adopted_rows.source", "adopted_rows.table_name", "adopted_rows.source_id", "adopted_rows.target_id"),
        "adopted_rows.specialization_id",
    },
    "the record of the erasure": {"erasures.reason", "erasures.counts"},
}


def reached(function: str) -> str:
    """The text of a function and of those of ours that it calls, in one piece."""
    todo, seen = [function], dict.fromkeys([function])
    while todo:
        for name in re.findall(r"\blockstep\.(\w+)\(", BODIES[todo.pop()]):
            if name in BODIES and name not in seen:
                seen[name] = None
                todo.append(name)
    return "\n".join(BODIES[name] for name in seen)


def missing(connection: Connection, text: str) -> list[str]:
    """The columns that say which user, by which an export does not look for rows."""
    return [
        f"{table}.{column}"
        for table, column in user_columns(connection)
        if not any(
            re.search(rf"\b{alias}\.{column} = p_user_id\b", text)
            for alias in re.findall(rf"\bfrom lockstep\.{table} as (\w+)", text)
        )
    ]


def test_the_export_looks_for_rows_by_every_column_that_says_which_user(connection: Connection) -> None:
    assert len(user_columns(connection)) > 15
    assert missing(connection, reached("export_user")) == []


@pytest.mark.parametrize("column", ["user_id bigint", "owner bigint references lockstep.users (id)"])
def test_a_new_table_would_be_noticed(connection: Connection, column: str) -> None:
    connection.execute(f"create table lockstep.planted (note text, {column})".encode())
    assert missing(connection, reached("export_user")) == [f"planted.{column.split()[0]}"]


WORDS = ("text", "varchar", "bpchar", "citext", "json", "jsonb", "xml", "inet", "cidr", "bytea", "_text")


def test_every_word_about_a_person_is_deleted_or_emptied_or_kept_for_a_reason(connection: Connection) -> None:
    held = rows(
        connection,
        """
        select class.relname as table, att.attname as column
        from pg_class as class
        inner join pg_attribute as att on att.attrelid = class.oid and att.attnum > 0 and not att.attisdropped
        inner join pg_type as type on type.oid = att.atttypid and type.typname = any(%s)
        where class.relnamespace = 'lockstep'::regnamespace and class.relname = any(%s)
        """,
        list(WORDS),
        sorted({table for table, _ in user_columns(connection)}),
    )
    text = re.sub(r"\s+", " ", reached("erase_user"))
    kept = {column for columns in KEPT.values() for column in columns}
    assert kept <= {f"{row.table}.{row.column}" for row in held}
    assert {
        f"{row.table}.{row.column}"
        for row in held
        if f"{row.table}.{row.column}" not in kept and not is_taken(text, row.table, row.column)
    } == set()


def is_taken(text: str, table: str, column: str) -> bool:
    """Whether an erasure deletes the rows of this table, or writes this column of them."""
    if re.search(rf"delete from lockstep\.{table} as (\w+) where \(?\1\.(user_id|kind) =", text):
        return True
    updates = re.findall(rf"update lockstep\.{table} as \w+ set (.*?) where ", text)
    return any(re.search(rf"(^|, ){column} = ", update) for update in updates)
