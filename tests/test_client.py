"""The client for Python applications: its dictionaries, and its part in transactions."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from app.client import ProgressLicenseCoupler, level_up_atomic
from tests.pairs import Connect, Connection, add_users, levels, one, plant, progress, run_script, value
from tests.support import end_session, wait_until_blocked

ERROR_KEYS = {"success", "message", "error_type"}


@pytest.fixture
def coupler(connection: Connection) -> ProgressLicenseCoupler:
    """A client in autocommit; user 1 is there."""
    add_users(connection, 1)
    return ProgressLicenseCoupler(connection)


def failed(answer: dict[str, Any]) -> str:
    """Return the error type of an answer that has exactly the keys of a failure."""
    assert answer.keys() == ERROR_KEYS
    assert answer["success"] is False
    assert answer["message"]
    return str(answer["error_type"])


# Shapes ---------------------------------------------------------------------------------------


def test_update_level_answers_with_exactly_the_agreed_dictionary(coupler: ProgressLicenseCoupler) -> None:
    answer = coupler.update_level_atomic(1, "COACH", 3, 500, 5, 1, Decimal("1.25"), 2.5, reason="Exam")
    assert answer.pop("message")
    assert answer == {
        "success": True,
        "progress": {
            "old_level": None,
            "new_level": 3,
            "total_xp": 500,
            "completed_sessions": 5,
            "completed_projects": 1,
            "theory_hours": 1.25,
            "practice_hours": 2.5,
        },
        "license": {"old_level": None, "new_level": 3, "max_achieved_level": 3},
        "progression_created": True,
        "xp_change": 500,
        "sessions_change": 5,
        "replayed": False,
    }


def test_level_up_answers_in_the_same_shape(coupler: ProgressLicenseCoupler) -> None:
    update = coupler.update_level_atomic(1, "PLAYER", 1)
    answer = level_up_atomic(coupler.connection, 1, "PLAYER", 25000, 12, 1)
    assert answer.keys() == update.keys()
    assert answer["progress"].keys() == update["progress"].keys()
    assert answer["license"] == {"old_level": 1, "new_level": 2, "max_achieved_level": 2}


def test_every_answer_is_ready_for_json(coupler: ProgressLicenseCoupler) -> None:
    answers = [
        coupler.update_level_atomic(1, "COACH", 2, theory_hours_change=Decimal("999999.99")),
        level_up_atomic(coupler.connection, 1, "COACH", 100),
        coupler.sync_existing_records_atomic(1, "COACH"),
        coupler.validate_consistency(1, "COACH"),
        coupler.update_level_atomic(2, "COACH", 2),
    ]
    for answer in answers:
        assert json.loads(json.dumps(answer)) == answer
    assert '"theory_hours": 999999.99' in json.dumps(answers[0])


def test_a_repeated_idempotency_key_gives_the_first_answer_replayed(
    coupler: ProgressLicenseCoupler,
) -> None:
    first, second = (
        level_up_atomic(coupler.connection, 1, "COACH", 100, theory_hours=0.5, idempotency_key="a") for _ in range(2)
    )
    assert second == first | {"replayed": True}
    assert progress(coupler.connection, 1, "COACH").total_xp == 100


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ((5, 3), (False, True, True, 5, 3, 2, "sync_to_higher_level")),
        ((3, None), (False, True, False, 3, None, None, "create_license_from_progress")),
        ((None, 3), (False, False, True, None, 3, None, "create_progress_from_license")),
        ((None, None), (True, False, False, None, None, None, None)),
        ((4, 4), (True, True, True, 4, 4, 0, None)),
    ],
)
def test_validate_consistency_answers_with_exactly_the_agreed_dictionary(
    coupler: ProgressLicenseCoupler,
    planted: tuple[int | None, int | None],
    expected: tuple[Any, ...],
) -> None:
    plant(coupler.connection, *planted)
    names = (
        *("consistent", "progress_exists", "license_exists", "progress_level", "license_level"),
        *("difference", "recommended_action"),
    )
    answer = coupler.validate_consistency(1, "PLAYER")
    message = answer.pop("message")
    agreed = {"level": 4} if planted == (4, 4) else {}
    assert answer == dict(zip(names, expected, strict=True)) | agreed
    if planted == (5, 3):
        assert message == "Desync detected: Progress=5, License=3"


@pytest.mark.parametrize(
    ("planted", "source", "expected"),
    [
        ((5, 3), "progress", ("updated", 3, 5, True)),
        ((5, 3), "license", ("updated", 5, 3, True)),
        ((5, None), "progress", ("created", None, 5, True)),
        ((4, 4), "progress", ("none", 4, 4, False)),
    ],
)
def test_sync_answers_with_exactly_the_agreed_dictionary(
    coupler: ProgressLicenseCoupler,
    planted: tuple[int | None, int | None],
    source: str,
    expected: tuple[Any, ...],
) -> None:
    plant(coupler.connection, *planted)
    answer = coupler.sync_existing_records_atomic(1, "PLAYER", source)
    assert answer.pop("message")
    names = ("action", "old_level", "new_level", "synced")
    assert answer == {"success": True, **dict(zip(names, expected, strict=True))}
    level = expected[2]
    assert levels(coupler.connection) == (level, level)


def test_level_up_on_a_pair_out_of_step_says_desync_and_changes_no_level(
    coupler: ProgressLicenseCoupler,
) -> None:
    plant(coupler.connection, 5, 3)
    answer = level_up_atomic(coupler.connection, 1, "PLAYER", 250000, 30)
    assert (answer["success"], answer["desync"]) == (True, True)
    assert "out of step" in answer["message"]
    assert (answer["progress"]["new_level"], answer["license"]["new_level"]) == (5, 3)
    assert levels(coupler.connection) == (5, 3)
    assert progress(coupler.connection).total_xp == 250000


def test_update_level_on_a_pair_out_of_step_reports_both_old_levels(
    coupler: ProgressLicenseCoupler,
) -> None:
    plant(coupler.connection, 5, 3)
    answer = coupler.update_level_atomic(1, "PLAYER", 4)
    assert (answer["progress"]["old_level"], answer["license"]["old_level"]) == (5, 3)
    assert answer["desync"] is True
    assert levels(coupler.connection) == (4, 4)
    assert "desync" not in coupler.update_level_atomic(1, "PLAYER", 5)


# Failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error_type"),
    [
        ((1, "PLAYER", 9), "validation_error"),
        ((1, "PLAYER", 2, -1), "validation_error"),
        ((1, "PLAYER", 2, 0, 0, 0, 1), "validation_error"),
        ((1, "PLAYER", None), "validation_error"),
        ((1, "PLAYER", 3000000000), "validation_error"),
        ((1, "PLAYER", 2, 10**30), "validation_error"),
        ((1, "PLAYER", 2, "many"), "validation_error"),
        ((1, "PLAYER", 2, 1.5), "validation_error"),
        ((1, "COACH", 2, 0, 0, 0, float("nan")), "validation_error"),
        ((1, "COACH", 2, 0, 0, 0, 10**7), "validation_error"),
        ((1, "PLAYER\0", 2), "validation_error"),
        ((2, "PLAYER", 2), "not_found"),
        ((1, "NONE", 2), "not_found"),
    ],
)
def test_a_refused_call_says_what_kind_of_error_it_is_and_changes_nothing(
    coupler: ProgressLicenseCoupler, arguments: tuple[Any, ...], error_type: str
) -> None:
    assert failed(coupler.update_level_atomic(*arguments)) == error_type
    assert value(coupler.connection, "select count(*) from lockstep.specialization_progress") == 0


def test_a_refusal_names_the_values_that_were_refused(coupler: ProgressLicenseCoupler) -> None:
    answer = coupler.update_level_atomic(77, "PLAYER", 2)
    assert answer["message"] == "User not found: user_id=77"


def test_a_key_used_for_something_else_is_a_conflict(coupler: ProgressLicenseCoupler) -> None:
    coupler.update_level_atomic(1, "PLAYER", 2, idempotency_key="a")
    assert failed(coupler.update_level_atomic(1, "PLAYER", 3, idempotency_key="a")) == "conflict"


def test_a_source_that_is_not_there_is_not_found(coupler: ProgressLicenseCoupler) -> None:
    plant(coupler.connection, None, 3)
    assert failed(coupler.sync_existing_records_atomic(1, "PLAYER", "progress")) == "not_found"
    assert failed(coupler.sync_existing_records_atomic(1, "PLAYER", "both")) == "validation_error"


def test_consistency_of_nobody_is_not_found(coupler: ProgressLicenseCoupler) -> None:
    assert failed(coupler.validate_consistency(7, "PLAYER")) == "not_found"
    assert failed(coupler.validate_consistency(1, "NONE")) == "not_found"


def test_a_role_that_may_not_call_gets_permission_denied(coupler: ProgressLicenseCoupler, connect: Connect) -> None:
    reader = connect("lockstep_readonly")
    assert failed(ProgressLicenseCoupler(reader).update_level_atomic(1, "PLAYER", 2)) == "permission_denied"
    assert failed(level_up_atomic(reader, 1, "PLAYER", 1)) == "permission_denied"


def test_a_lock_that_is_not_free_in_time_is_a_retry(coupler: ProgressLicenseCoupler, connect: Connect) -> None:
    coupler.update_level_atomic(1, "PLAYER", 2)
    coupler.connection.execute("set lock_timeout = '10ms'")
    other = connect()
    with other.transaction():
        ProgressLicenseCoupler(other).update_level_atomic(1, "PLAYER", 3)
        assert failed(coupler.update_level_atomic(1, "PLAYER", 4)) == "retry"
    assert coupler.update_level_atomic(1, "PLAYER", 4)["success"]


def test_a_lost_connection_is_a_database_error(coupler: ProgressLicenseCoupler, connect: Connect) -> None:
    end_session(connect(), coupler.connection)
    assert failed(coupler.update_level_atomic(1, "PLAYER", 2)) == "database_error"
    assert failed(coupler.update_level_atomic(1, "PLAYER", 2)) == "database_error"


def test_times_are_read_from_a_database_that_writes_them_in_another_style(
    connection: Connection, connect: Connect
) -> None:
    connection.execute(f"alter database {connection.info.dbname} set datestyle = 'SQL, DMY'".encode())
    assert value(connect(), "select now()") > value(connection, "select now() - interval '1 hour'")


# Without a transaction of the caller ----------------------------------------------------------


@pytest.mark.parametrize("autocommit", [True, False])
def test_without_a_transaction_a_call_commits_by_itself(
    connect: Connect, coupler: ProgressLicenseCoupler, autocommit: bool
) -> None:
    own = connect(autocommit=autocommit)
    assert ProgressLicenseCoupler(own).update_level_atomic(1, "PLAYER", 2)["success"]
    assert level_up_atomic(own, 1, "PLAYER", 100)["success"]
    assert own.info.transaction_status == TransactionStatus.IDLE
    assert levels(coupler.connection) == (2, 2)
    assert progress(coupler.connection).total_xp == 100
    assert failed(level_up_atomic(own, 1, "PLAYER", -1)) == "validation_error"
    assert own.info.transaction_status == TransactionStatus.IDLE


def test_in_autocommit_a_call_is_one_message_to_the_server(coupler: ProgressLicenseCoupler, tmp_path: Path) -> None:
    log = tmp_path / "trace"
    with log.open("w") as file:
        coupler.connection.pgconn.trace(file.fileno())
        coupler.update_level_atomic(1, "PLAYER", 2)
        coupler.connection.pgconn.untrace()
    sent = [line.split("\t") for line in log.read_text().splitlines() if "\tF\t" in line]
    kinds = [fields[3].split()[0] for fields in sent]
    assert kinds.count("Execute") + kinds.count("Query") == 1
    assert kinds.count("Sync") == 1


@pytest.mark.parametrize("autocommit", [True, False])
def test_what_fails_only_at_commit_is_reported_and_leaves_nothing(
    connect: Connect, coupler: ProgressLicenseCoupler, autocommit: bool
) -> None:
    plant_deferred_refusal(coupler.connection)
    own = connect(autocommit=autocommit)
    assert failed(ProgressLicenseCoupler(own).update_level_atomic(1, "PLAYER", 2)) == "conflict"
    assert own.info.transaction_status == TransactionStatus.IDLE
    assert levels(coupler.connection) == (None, None)


def plant_deferred_refusal(connection: Connection) -> None:
    """Make every commit that wrote progress fail with 23503."""
    run_script(
        connection,
        """
        create function public.refuse() returns trigger language plpgsql as $$
        begin raise exception 'planted' using errcode = '23503'; end $$;
        create constraint trigger planted after insert or update on lockstep.specialization_progress
        deferrable initially deferred for each row execute function public.refuse();
        """,
    )


def test_the_isolation_level_of_the_connection_counts_and_a_serialization_failure_is_a_retry(
    connect: Connect, coupler: ProgressLicenseCoupler
) -> None:
    coupler.update_level_atomic(1, "PLAYER", 2)
    own = connect()
    own.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    answer = call_while_held(connect, own, lambda: level_up_atomic(own, 1, "PLAYER", 100))
    assert failed(answer) == "retry"
    assert own.info.transaction_status == TransactionStatus.IDLE
    assert level_up_atomic(own, 1, "PLAYER", 100)["success"]


def call_while_held(connect: Connect, own: Connection, call: Callable[[], Any]) -> Any:
    """Make a call that has to wait for another session, which then commits a change of the pair."""
    holder, watcher = connect(), connect()
    with ThreadPoolExecutor(1) as pool:
        with holder.transaction():
            ProgressLicenseCoupler(holder).update_level_atomic(1, "PLAYER", 3)
            answer = pool.submit(call)
            wait_until_blocked(watcher, own.info.backend_pid, holder.info.backend_pid)
        return answer.result()


# In the caller's transaction ------------------------------------------------------------------


@pytest.mark.parametrize("autocommit", [True, False])
def test_in_the_callers_transaction_a_call_commits_with_it(
    connect: Connect, coupler: ProgressLicenseCoupler, autocommit: bool
) -> None:
    own = connect(autocommit=autocommit)
    with own.transaction():
        own.execute("update lockstep.users set name = 'Renamed' where id = 1")
        assert ProgressLicenseCoupler(own).update_level_atomic(1, "PLAYER", 2)["success"]
        assert own.info.transaction_status == TransactionStatus.INTRANS
        assert levels(coupler.connection) == (None, None)
    assert levels(coupler.connection) == (2, 2)
    assert value(coupler.connection, "select name from lockstep.users where id = 1") == "Renamed"


def test_in_the_callers_transaction_a_call_rolls_back_with_it(
    connect: Connect, coupler: ProgressLicenseCoupler
) -> None:
    own = connect(autocommit=False)
    own.execute("select 1")
    assert ProgressLicenseCoupler(own).update_level_atomic(1, "PLAYER", 2)["success"]
    own.rollback()
    assert levels(coupler.connection) == (None, None)


def test_a_refused_call_leaves_the_callers_transaction_usable(
    connect: Connect, coupler: ProgressLicenseCoupler
) -> None:
    own = connect()
    with own.transaction():
        own.execute("update lockstep.users set name = 'Renamed' where id = 1")
        assert failed(level_up_atomic(own, 1, "PLAYER", -1)) == "validation_error"
        assert failed(level_up_atomic(own, 2, "PLAYER", 1)) == "not_found"
        assert level_up_atomic(own, 1, "PLAYER", 25000, 12)["success"]
    assert levels(coupler.connection) == (2, 2)
    assert value(coupler.connection, "select name from lockstep.users where id = 1") == "Renamed"


def test_a_lock_timeout_leaves_the_callers_transaction_usable(
    connect: Connect, coupler: ProgressLicenseCoupler
) -> None:
    add_users(coupler.connection, 2)
    coupler.update_level_atomic(1, "PLAYER", 2)
    other, own = connect(), connect()
    with other.transaction(), own.transaction():
        ProgressLicenseCoupler(other).update_level_atomic(1, "PLAYER", 3)
        own.execute("set local lock_timeout = '10ms'")
        assert failed(level_up_atomic(own, 1, "PLAYER", 1)) == "retry"
        assert level_up_atomic(own, 2, "PLAYER", 1)["success"]
    assert levels(coupler.connection, 2) == (1, 1)


def test_a_serialization_failure_in_the_callers_transaction_is_raised_and_ends_it(
    connect: Connect, coupler: ProgressLicenseCoupler
) -> None:
    coupler.update_level_atomic(1, "PLAYER", 2)
    own = connect()
    own.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def rename_and_level_up() -> None:
        with own.transaction():
            own.execute("update lockstep.users set name = 'Renamed' where id = 1")
            level_up_atomic(own, 1, "PLAYER", 100)

    with pytest.raises(psycopg.errors.SerializationFailure):
        call_while_held(connect, own, rename_and_level_up)
    found = one(coupler.connection, "select name from lockstep.users where id = 1")
    assert found.name != "Renamed"

    rename_and_level_up()
    assert progress(coupler.connection).total_xp == 100


def test_a_transaction_that_had_failed_before_is_raised(connect: Connect, coupler: ProgressLicenseCoupler) -> None:
    own = connect(autocommit=False)
    with pytest.raises(psycopg.errors.DivisionByZero):
        own.execute("select 1 / 0")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        level_up_atomic(own, 1, "PLAYER", 100)
    own.rollback()


def test_a_connection_lost_in_the_callers_transaction_is_raised(
    connect: Connect, coupler: ProgressLicenseCoupler
) -> None:
    own = connect(autocommit=False)
    own.execute("select 1")
    end_session(coupler.connection, own)
    with pytest.raises(psycopg.OperationalError):
        level_up_atomic(own, 1, "PLAYER", 100)
