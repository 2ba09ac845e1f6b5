"""update_level() (B1, B2, B4, B7, B12): everything named changes, or nothing does."""

from decimal import Decimal
from functools import partial
from itertools import pairwise

import pytest

from tests.pairs import (
    Connect,
    Connection,
    at_once,
    background,
    call,
    desyncs,
    history,
    level_up,
    levels,
    license,
    plant,
    progress,
    refused,
    retry,
    rows,
    run_script,
    update_level,
    value,
)
from tests.support import wait_until_blocked

pytestmark = pytest.mark.usefixtures("people")


def test_everything_named_changes_and_comes_back(connection: Connection) -> None:
    update_level(connection, 1, "COACH", 1, 100, 2, 1, 5, 7)
    answer = update_level(connection, 1, "COACH", 3, 500, 5, 2, "1.25", "2.5", 2, "exam", "key-1")

    assert (answer.progress_old_level, answer.progress_new_level) == (1, 3)
    assert (answer.license_old_level, answer.license_new_level) == (1, 3)
    assert answer.max_achieved_level == 3
    assert (answer.total_xp, answer.completed_sessions, answer.completed_projects) == (600, 7, 3)
    assert (answer.theory_hours, answer.practice_hours) == (Decimal("6.25"), Decimal("9.50"))
    assert (answer.xp_change, answer.sessions_change) == (500, 5)
    assert answer.progression_created
    assert not answer.desync
    assert not answer.replayed

    row = progress(connection, 1, "COACH")
    assert (row.current_level, row.total_xp, row.completed_sessions) == (3, 600, 7)
    assert row.completed_projects == 3
    assert row.theory_hours_completed == Decimal("6.25")
    assert row.practice_hours_completed == Decimal("9.50")
    assert row.last_activity is not None
    held = license(connection, 1, "COACH")
    assert (held.current_level, held.max_achieved_level) == (3, 3)
    assert held.last_advanced_at is not None
    assert history(connection, 1, "COACH") == [(1, 3, "function")]


def test_the_arguments_read_in_the_order_of_the_specification(connection: Connection) -> None:
    rows(connection, "select * from lockstep.update_level(1, 'PLAYER', 3, 500, 5)")
    row = progress(connection)
    assert (row.current_level, row.total_xp, row.completed_sessions) == (3, 500, 5)


def test_all_but_the_first_three_arguments_have_defaults(connection: Connection) -> None:
    answer = update_level(connection, 1, "PLAYER", 2)
    assert (answer.total_xp, answer.completed_sessions, answer.completed_projects) == (0, 0, 0)
    assert (answer.theory_hours, answer.practice_hours) == (0, 0)


def test_down_is_recorded_and_the_highest_level_stays(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 6)
    answer = update_level(connection, 1, "PLAYER", 2)
    assert (answer.progress_new_level, answer.max_achieved_level) == (2, 6)
    assert license(connection).max_achieved_level == 6
    assert history(connection) == [(None, 6, "function"), (6, 2, "function")]


def test_the_level_that_is_there_already_writes_totals_and_no_history(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 3)
    advanced = license(connection).last_advanced_at
    answer = update_level(connection, 1, "PLAYER", 3, 10)
    assert not answer.progression_created
    assert answer.total_xp == 10
    assert license(connection).last_advanced_at == advanced
    assert len(history(connection)) == 1


def test_a_level_that_does_not_exist_is_refused_and_nothing_changes(
    connection: Connection,
) -> None:
    update_level(connection, 1, "PLAYER", 2, 10)
    before = progress(connection), license(connection)
    for level in 0, -1, 9, 2_147_483_647:
        with refused("LS003"):
            update_level(connection, 1, "PLAYER", level, 500)
    assert (progress(connection), license(connection)) == before


def test_a_refused_first_call_leaves_no_pair(connection: Connection) -> None:
    with refused("LS003"):
        update_level(connection, 1, "PLAYER", 9)
    assert levels(connection) == (None, None)


def test_no_total_falls_below_zero_and_nothing_else_of_the_call_happens(
    connection: Connection,
) -> None:
    update_level(connection, 1, "COACH", 2, 100, 5, 3, "2.5", 1)
    before = progress(connection, 1, "COACH"), license(connection, 1, "COACH")
    for change in (
        {"xp_change": -101},
        {"sessions_change": -6},
        {"projects_change": -4},
        {"theory_hours_change": "-2.51"},
        {"practice_hours_change": "-1.01"},
    ):
        with refused("LS004"):
            update_level(connection, 1, "COACH", 5, **change)
    assert (progress(connection, 1, "COACH"), license(connection, 1, "COACH")) == before
    assert history(connection, 1, "COACH") == [(None, 2, "function")]


def test_totals_can_be_taken_back_to_zero(connection: Connection) -> None:
    update_level(connection, 1, "COACH", 2, 100, 5, 3, "2.5", 1)
    answer = update_level(connection, 1, "COACH", 2, -100, -5, -3, "-2.5", -1)
    assert answer[7:12] == (0, 0, 0, 0, 0)


def test_hours_where_none_are_counted_are_refused_and_nothing_changes(
    connection: Connection,
) -> None:
    for specialization in "PLAYER", "INTERNSHIP":
        update_level(connection, 1, specialization, 1, 5)
        before = progress(connection, 1, specialization)
        for hours in "theory_hours_change", "practice_hours_change":
            for figure in "1", "-1", "0.01", "NaN":
                with refused("LS005", "LS004"):
                    update_level(connection, 1, specialization, 2, 5, **{hours: figure})
        assert progress(connection, 1, specialization) == before
        assert levels(connection, 1, specialization) == (1, 1)


def test_hours_that_are_no_number_or_too_many_are_refused(connection: Connection) -> None:
    update_level(connection, 1, "COACH", 1)
    before = progress(connection, 1, "COACH")
    for hours in "theory_hours_change", "practice_hours_change":
        for figure in "NaN", "Infinity", "1000000":
            with refused("23514", "22003", "LS006"):
                update_level(connection, 1, "COACH", 2, **{hours: figure})
    assert progress(connection, 1, "COACH") == before


def test_a_total_beyond_its_type_is_refused(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 1, 9_223_372_036_854_775_807)
    with refused("22003"):
        update_level(connection, 1, "PLAYER", 1, 1)
    assert progress(connection).total_xp == 9_223_372_036_854_775_807


def test_an_unknown_user_is_refused(connection: Connection) -> None:
    for key in None, "k":
        with refused("LS001"):
            update_level(connection, 999, "PLAYER", 2, idempotency_key=key)


def test_an_unknown_specialization_is_refused(connection: Connection) -> None:
    with refused("LS002"):
        update_level(connection, 1, "JUGGLER", 2)


def test_null_where_a_figure_belongs_is_refused(connection: Connection) -> None:
    for place in range(8):
        arguments: list[object] = [1, "COACH", 2, 0, 0, 0, 0, 0]
        arguments[place] = None
        with refused("LS006"):
            update_level(connection, *arguments)
    assert levels(connection, 1, "COACH") == (None, None)


@pytest.mark.parametrize(
    ("found", "old_levels"),
    [((5, 3), (5, 3)), ((2, 6), (2, 6)), ((4, None), (4, None)), ((None, 4), (None, 4))],
)
def test_a_pair_out_of_step_is_set_on_both_sides_and_both_old_levels_come_back(
    connection: Connection,
    found: tuple[int | None, int | None],
    old_levels: tuple[int | None, int | None],
) -> None:
    plant(connection, *found)
    answer = update_level(connection, 1, "PLAYER", 4)
    assert (answer.progress_old_level, answer.license_old_level) == old_levels
    assert (answer.progress_new_level, answer.license_new_level) == (4, 4)
    assert answer.desync
    assert answer.progression_created
    assert levels(connection) == (4, 4)
    assert len(history(connection)) == 1
    assert desyncs(connection) == 0


def test_setting_a_pair_out_of_step_to_a_level_that_one_side_has_keeps_both_levels_in_the_history(
    connection: Connection,
) -> None:
    plant(connection, 5, 3)
    update_level(connection, 1, "PLAYER", 5)
    (row,) = rows(connection, "select * from lockstep.license_progressions")
    assert (row.from_level, row.to_level, row.progress_from_level) == (3, 5, 5)


def test_a_pair_is_made_inside_the_call(connection: Connection) -> None:
    answer = update_level(connection, 1, "PLAYER", 3, 100)
    assert (answer.progress_old_level, answer.license_old_level) == (None, None)
    assert not answer.desync
    assert levels(connection) == (3, 3)
    assert license(connection).max_achieved_level == 3


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_two_first_calls_at_once_give_one_pair_and_keep_both_deltas(
    connection: Connection, connect: Connect, isolation: str
) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    update_level(first, 1, "PLAYER", 2, 100, 1)
    second.execute(f"set default_transaction_isolation = '{isolation}'".encode())
    query = "select * from lockstep.update_level(1, 'PLAYER', 2, 30, 2)"
    with background(second, query) as answer:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("commit")
        if isolation == "read committed":
            (row,) = answer.result()
            assert (row.total_xp, row.progress_old_level) == (130, 2)
        else:
            with refused("40001"):
                answer.result()
            rows(second, query)
    row = progress(connection)
    assert (row.total_xp, row.completed_sessions) == (130, 3)
    assert value(connection, "select count(*) from lockstep.user_licenses") == 1
    assert history(connection) == [(None, 2, "function")]


def test_the_second_first_call_makes_the_pair_when_the_first_rolls_back(
    connection: Connection, connect: Connect
) -> None:
    first, second = connect(), connect()
    first.execute("begin")
    update_level(first, 1, "PLAYER", 2, 100)
    with background(second, "select * from lockstep.update_level(1, 'PLAYER', 3, 30)") as answer:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        first.execute("rollback")
        (row,) = answer.result()
    assert (row.total_xp, row.progress_old_level, row.progress_new_level) == (30, None, 3)


def test_many_first_calls_at_once_give_one_pair_and_every_delta(connection: Connection, connect: Connect) -> None:
    sessions = [connect("lockstep_app") for _ in range(6)]
    for user in range(1, 6):
        at_once([partial(level_up, session, user, "PLAYER", 7, 1) for session in sessions])
    assert rows(
        connection,
        "select count(*), min(total_xp), max(total_xp) from lockstep.specialization_progress",
    ) == [(5, 42, 42)]
    assert desyncs(connection) == 0


def test_a_second_caller_waits_then_sees_the_first_result(connection: Connection, connect: Connect) -> None:
    update_level(connection, 1, "PLAYER", 1)
    first, second = connect(), connect()
    first.execute("begin")
    update_level(first, 1, "PLAYER", 4, 100)
    with background(second, "select * from lockstep.update_level(1, 'PLAYER', 5, 1)") as answer:
        wait_until_blocked(connection, second.info.backend_pid, first.info.backend_pid)
        assert levels(connection) == (1, 1)
        first.execute("commit")
        (row,) = answer.result()
    assert (row.progress_old_level, row.license_old_level, row.total_xp) == (4, 4, 101)
    assert history(connection) == [(1, 4, "function"), (4, 5, "function")]


def test_callers_of_different_pairs_do_not_wait_for_each_other(connection: Connection, connect: Connect) -> None:
    first, second = connect(), connect()
    for key in (1, "PLAYER"), (1, "COACH"), (2, "PLAYER"):
        update_level(connection, *key, 1)
    with first.transaction():
        update_level(first, 1, "PLAYER", 2)
        second.execute("set lock_timeout = '1ms'")
        update_level(second, 1, "COACH", 2)
        update_level(second, 2, "PLAYER", 2)
    assert levels(connection, 1, "COACH") == (2, 2)


def test_concurrent_deltas_sum_exactly(connection: Connection, connect: Connect) -> None:
    sessions = [connect("lockstep_app") for _ in range(8)]

    def work(session: Connection) -> None:
        for n in range(50):
            update_level(session, 1, "COACH", 1 + n % 8, 3, 2, 1, "0.25", "0.5")

    at_once([partial(work, session) for session in sessions])
    row = progress(connection, 1, "COACH")
    assert (row.total_xp, row.completed_sessions, row.completed_projects) == (1200, 800, 400)
    assert (row.theory_hours_completed, row.practice_hours_completed) == (100, 200)
    assert desyncs(connection) == 0
    changes = history(connection, 1, "COACH")
    assert changes[0][0] is None or changes[0][0] == 1
    for before, after in pairwise(changes):
        assert before[1] == after[0]


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_callers_that_retry_where_it_is_said_sum_exactly_at_every_isolation_level(
    connection: Connection, connect: Connect, isolation: str
) -> None:
    sessions = [connect("lockstep_app") for _ in range(4)]
    for session in sessions:
        session.execute(f"set default_transaction_isolation = '{isolation}'".encode())

    def work(session: Connection) -> int:
        failures = 0
        for n in range(15):
            failures += retry(partial(level_up, session, 1 + n % 2, "PLAYER", 1000, 1))
        return failures

    failures = at_once([partial(work, session) for session in sessions])
    if isolation == "read committed":
        assert sum(failures) == 0
    assert rows(
        connection,
        "select sum(total_xp) as xp, sum(completed_sessions) as sessions from lockstep.specialization_progress",
    ) == [(60_000, 60)]
    assert desyncs(connection) == 0


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
@pytest.mark.parametrize(
    "rival",
    [
        "select lockstep.update_level(1, 'PLAYER', 4, 10)",
        "update lockstep.specialization_progress set current_level = 4, total_xp = total_xp + 10",
        "update lockstep.user_licenses set current_level = 4",
    ],
)
def test_an_old_snapshot_ends_in_40001_and_never_in_a_lost_update(
    connection: Connection, connect: Connect, isolation: str, rival: str
) -> None:
    update_level(connection, 1, "PLAYER", 2, 100)
    late = connect()
    late.execute(f"begin isolation level {isolation}".encode())
    assert levels(late) == (2, 2)
    connection.execute(rival.encode())
    before = progress(connection), license(connection)
    with refused("40001"):
        update_level(late, 1, "PLAYER", 5, 1)
    late.execute("rollback")
    assert (progress(connection), license(connection)) == before


def test_the_function_joins_its_callers_transaction(connection: Connection) -> None:
    update_level(connection, 1, "PLAYER", 2)
    connection.execute("begin")
    update_level(connection, 1, "PLAYER", 5, 100)
    connection.execute("rollback")
    assert levels(connection) == (2, 2)
    assert progress(connection).total_xp == 0
    assert len(history(connection)) == 1


def test_constraints_set_immediate_do_not_break_the_functions(connection: Connection) -> None:
    plant(connection, 3, 5, user=2)
    plant(connection, None, 5, user=3)
    plant(connection, 5, None, user=4)
    with connection.transaction():
        connection.execute("set constraints all immediate")
        update_level(connection, 1, "PLAYER", 4)
        level_up(connection, 1, "PLAYER", 250_000, 30)
        update_level(connection, 1, "PLAYER", 1)
        call(connection, "sync_records", 2, "PLAYER", "progress")
        call(connection, "sync_records", 3, "PLAYER", "license")
        call(connection, "sync_records", 4, "PLAYER", "progress")
        level_up(connection, 5, "PLAYER", 250_000, 30)
    assert levels(connection) == (1, 1)
    assert levels(connection, 5) == (8, 8)
    assert desyncs(connection) == 0


def test_an_application_role_calls_it_without_touching_the_tables(connect: Connect) -> None:
    application = connect("lockstep_app")
    assert update_level(application, 1, "PLAYER", 3).license_new_level == 3
    with refused("42501"):
        application.execute("update lockstep.user_licenses set current_level = 4")


def test_a_trigger_that_suppresses_inserts_ends_in_an_error_and_not_in_a_loop(
    connection: Connection,
) -> None:
    run_script(
        connection,
        """
        create function public.swallow() returns trigger language plpgsql as 'begin return null; end';
        create trigger swallow before insert on lockstep.user_licenses
        for each row execute function public.swallow();
        """,
    )
    connection.execute("set statement_timeout = '60s'")
    with refused("40001", "23503"):
        update_level(connection, 1, "PLAYER", 2)
    assert levels(connection) == (None, None)


def test_an_actor_who_does_not_exist_is_refused_whether_or_not_a_level_changes(connection: Connection) -> None:
    with refused("LS001"):
        update_level(connection, 1, "PLAYER", 3, advanced_by=4141)
    with refused("LS001"):
        level_up(connection, 1, "PLAYER", 1, advanced_by=4141)
    with refused("LS001"):
        call(connection, "sync_records", 1, "PLAYER", "progress", advanced_by=4141)
    assert levels(connection, 1) == (None, None)
