"""The client for Python applications, with the names that the systems before Lockstep knew.

Each call is one SQL call, all or nothing, and returns a dictionary that json.dumps takes. A call
that is refused returns `{"success": False, "message", "error_type"}`, with the error_type of
docs/errors.md; `retry` says that nothing was changed and that the same call may be repeated.

Transactions. Where the caller has a transaction open on the connection, the call joins it: it
commits and rolls back with it, and a call that is refused leaves it usable (a savepoint). Where
there is none, the call is a transaction of its own, committed when it returns; in autocommit that
is one round trip.

What a savepoint cannot mend is raised and not returned, so that the caller's own transaction ends:
inside one, SQLSTATE class 40 (40001, 40P01: roll back, and repeat the whole transaction), 25P02 (it
had failed before the call) and a lost connection come as the psycopg.Error that they are.

Hours are floats: numeric(8,2) has at most eight digits, which a float keeps as they are written,
and JSON has numbers. What takes hours takes float, Decimal or int, with up to two decimals.
"""

from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from app import db
from app.errors import describe
from app.schema import DEFAULT

Answer = dict[str, Any]
Hours = float | Decimal


class ProgressLicenseCoupler:
    """The coupled calls of one school over one connection; see the module for its part in transactions."""

    def __init__(self, connection: db.Connection, schema: str = DEFAULT) -> None:
        self.connection, self.schema = connection, schema

    def update_level_atomic(
        self,
        user_id: int,
        specialization: str,
        new_level: int,
        xp_change: int = 0,
        sessions_change: int = 0,
        projects_change: int = 0,
        theory_hours_change: Hours = 0,
        practice_hours_change: Hours = 0,
        advanced_by: int | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Set the level of progress and license, up or down, and add to the totals.

        Joins the caller's transaction if there is one, else commits. Old levels are None for a side
        that the call made. On a pair found out of step it sets both, and `desync` is True besides.
        Error types: not_found, validation_error, conflict, retry, permission_denied, database_error.
        """
        return _answer(
            self.connection,
            level_change,
            lambda: db.call(
                self.connection,
                "update_level",
                self.schema,
                user_id=user_id,
                specialization_id=specialization,
                new_level=new_level,
                xp_change=xp_change,
                sessions_change=sessions_change,
                projects_change=projects_change,
                theory_hours_change=theory_hours_change,
                practice_hours_change=practice_hours_change,
                advanced_by=advanced_by,
                reason=reason,
                idempotency_key=idempotency_key,
            ),
        )

    def sync_existing_records_atomic(self, user_id: int, specialization: str, source: str = "progress") -> Answer:
        """Make the other side equal to the source, `progress` or `license`; make it if missing.

        Joins the caller's transaction if there is one, else commits. The levels are those of the
        side that was written. Error types as update_level_atomic; not_found too where the source
        does not exist.
        """
        return _answer(
            self.connection,
            sync_outcome,
            lambda: db.call(
                self.connection,
                "sync_records",
                self.schema,
                user_id=user_id,
                specialization_id=specialization,
                source=source,
            ),
        )

    def validate_consistency(self, user_id: int, specialization: str) -> Answer:
        """Say whether progress and license agree; `level` is there only where they do.

        Changes nothing. Joins the caller's transaction if there is one, and sees what that has
        written. Error types: not_found, retry, permission_denied, database_error.
        """
        return _answer(
            self.connection,
            consistency,
            lambda: db.call(
                self.connection,
                "validate_consistency",
                self.schema,
                user_id=user_id,
                specialization_id=specialization,
            ),
        )


def level_up_atomic(
    connection: db.Connection,
    user_id: int,
    specialization: str,
    xp_gained: int = 0,
    sessions_completed: int = 0,
    projects_completed: int = 0,
    theory_hours: Hours = 0,
    practice_hours: Hours = 0,
    advanced_by: int | None = None,
    reason: str | None = None,
    idempotency_key: str | None = None,
    schema: str = DEFAULT,
) -> Answer:
    """Add what was earned, and raise progress and license as far as the totals reach.

    Joins the caller's transaction if there is one, else commits. On a pair out of step it adds the
    totals and leaves both levels: the message says so, and `desync` is True besides.
    Error types: not_found, validation_error, conflict, retry, permission_denied, database_error.
    """
    return _answer(
        connection,
        level_change,
        lambda: db.call(
            connection,
            "level_up",
            schema,
            user_id=user_id,
            specialization_id=specialization,
            xp_gained=xp_gained,
            sessions_completed=sessions_completed,
            projects_completed=projects_completed,
            theory_hours=theory_hours,
            practice_hours=practice_hours,
            advanced_by=advanced_by,
            reason=reason,
            idempotency_key=idempotency_key,
        ),
    )


def _answer(connection: db.Connection, shape: Callable[[db.Row], Answer], call: Callable[[], db.Row]) -> Answer:
    """Run the call as the module promises; return the shape of its row, or what went wrong."""
    status = connection.info.transaction_status
    joins = status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)
    # In autocommit the statement is a transaction by itself, at the session's isolation level.
    bare = not joins and connection.autocommit and connection.isolation_level is None
    try:
        with nullcontext() if bare else connection.transaction():
            row = call()
    except psycopg.Error as error:
        if joins and (connection.closed or (error.sqlstate or "").startswith(("40", "25P02"))):
            raise
        problem = describe(error)
        return {
            "success": False,
            "message": problem.message,
            "error_type": problem.condition.error_type,
        }
    return shape(row)


def level_change(row: db.Row) -> Answer:
    """The answer of update_level_atomic and level_up_atomic, from the row that came back."""
    answer = {
        "success": True,
        "message": row["message"],
        "progress": {
            "old_level": row["progress_old_level"],
            "new_level": row["progress_new_level"],
            "total_xp": row["total_xp"],
            "completed_sessions": row["completed_sessions"],
            "completed_projects": row["completed_projects"],
            "theory_hours": float(row["theory_hours"]),
            "practice_hours": float(row["practice_hours"]),
        },
        "license": {
            "old_level": row["license_old_level"],
            "new_level": row["license_new_level"],
            "max_achieved_level": row["max_achieved_level"],
        },
        "progression_created": row["progression_created"],
        "xp_change": row["xp_change"],
        "sessions_change": row["sessions_change"],
        "replayed": row["replayed"],
    }
    return answer | {"desync": True} if row["desync"] else answer


def sync_outcome(row: db.Row) -> Answer:
    """The answer of a repair of one pair."""
    names = ("message", "action", "old_level", "new_level", "synced")
    return {"success": True} | {name: row[name] for name in names}


def consistency(row: db.Row) -> Answer:
    """Every column; `level` only where there is one to agree on."""
    return {name: value for name, value in row.items() if name != "level" or value is not None}
