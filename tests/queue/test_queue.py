"""The queue (B10): commits with its caller, drained exactly once, in order, set by set."""

from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import psycopg
import pytest

from tests.pairs import (
    Connect,
    Connection,
    add_users,
    at_once,
    background,
    call,
    desyncs,
    history,
    level_up,
    levels,
    plant,
    progress,
    refused,
    rows,
    update_level,
    value,
)
from tests.support import wait_until, wait_until_blocked
from tests.torture.scratch import broken_chains

pytestmark = pytest.mark.usefixtures("people")

HOLD = "select from lockstep.specialization_progress where student_id = 1 for no key update"


def enqueue(connection: Connection, *arguments: object, **named: object) -> int:
    entry: int = call(connection, "enqueue_level_up", *arguments, **named).enqueue_level_up
    return entry


def drain(connection: Connection, limit: int | None = None) -> Any:
    return call(connection, "drain_level_ups", limit)


def drain_all(connection: Connection) -> None:
    while (result := drain(connection)).applied + result.refused:
        pass


def status(connection: Connection) -> tuple[int, int, int]:
    """Backlog, retrying, set aside."""
    (row,) = rows(connection, "select backlog, retrying, set_aside from lockstep.queue_status")
    return tuple(row)


def reasons(connection: Connection, user: int = 1) -> list[str]:
    """Of every level change of a user, in order."""
    query = "select advancement_reason from lockstep.license_progressions where user_id = %s order by id"
    return [row.advancement_reason for row in rows(connection, query, user)]


# What is queued --------------------------------------------------------------------------------


def test_an_entry_commits_and_rolls_back_with_its_caller(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        enqueue(connection, 1, "PLAYER", 10)
    assert status(connection) == (0, 0, 0)
    enqueue(connection, 1, "PLAYER", 10)
    assert status(connection) == (1, 0, 0)
    assert levels(connection) == (None, None)
    result = drain(connection)
    assert (result.claimed, result.applied, result.refused, result.busy) == (1, 1, 0, 0)
    assert progress(connection).total_xp == 10
    assert status(connection) == (0, 0, 0)


def test_what_could_never_be_applied_is_refused_at_once(connection: Connection) -> None:
    for sqlstate, arguments in {
        "LS001": (999, "PLAYER"),
        "LS002": (1, "NONE"),
        "LS006": (1, "PLAYER", -1),
    }.items():
        with refused(sqlstate):
            enqueue(connection, *arguments)
    with refused("LS001"):
        enqueue(connection, 1, "PLAYER", advanced_by=999)
    with refused("LS006"):
        enqueue(connection, 1, "PLAYER", idempotency_key="k" * 256)
    with refused("LS006"):
        drain(connection, 0)


def test_entries_of_a_pair_become_one_write_and_each_level_change_keeps_its_history(
    connection: Connection, connect: Connect
) -> None:
    application = connect("lockstep_app", application_name="the school")
    enqueue(application, 1, "PLAYER", 25_000, 12, reason="to 2", advanced_by=2)
    enqueue(application, 1, "PLAYER", 10, reason="nothing")
    enqueue(application, 1, "PLAYER", 45_000, 6, reason="to 4")
    assert drain(connection).applied == 3
    assert levels(connection) == (4, 4)
    assert (progress(connection).total_xp, progress(connection).completed_sessions) == (70_010, 18)
    assert history(connection) == [(None, 2, "function"), (2, 4, "function")]
    kept = rows(connection, "select * from lockstep.license_progressions order by id")
    assert [(row.advancement_reason, row.advanced_by) for row in kept] == [("to 2", 2), ("to 4", None)]
    # Who asked for it, not who drained.
    assert {(row.database_role, row.application_name) for row in kept} == {("lockstep_app", "the school")}


def test_a_key_counts_once_whichever_way_and_however_often_it_comes(connection: Connection) -> None:
    arguments = 1, "PLAYER", 10, 1
    level_up(connection, *arguments, idempotency_key="called first")
    for key in ("called first", "queued first", "queued first", "other"):
        enqueue(connection, *arguments, idempotency_key=key)
    drain_all(connection)
    assert level_up(connection, *arguments, idempotency_key="queued first").replayed
    enqueue(connection, *arguments, idempotency_key="other")
    drain_all(connection)
    assert progress(connection).total_xp == 30
    assert status(connection) == (0, 0, 0)


def test_a_pair_out_of_step_gets_its_xp_and_keeps_its_levels(connection: Connection) -> None:
    plant(connection, 3, 2)
    enqueue(connection, 1, "PLAYER", 100_000, 30)
    assert drain(connection).applied == 1
    assert levels(connection) == (3, 2)
    assert progress(connection).total_xp == 100_000


# Order -----------------------------------------------------------------------------------------


def test_a_second_drain_takes_no_entry_behind_one_that_the_first_holds(
    connection: Connection, connect: Connect
) -> None:
    for user, reason in ((1, "first"), (1, "second"), (2, "other")):
        enqueue(connection, user, "PLAYER", 45_000, 15, reason=reason)
    first, second = connect(), connect()
    first.execute("begin")
    assert drain(first, 1).applied == 1
    assert drain(second).applied == 1
    assert levels(connection, 2) == (3, 3)
    assert status(connection)[0] == 2
    first.execute("rollback")  # as if it was killed: nothing of it was done, and nothing overtook it
    drain_all(second)
    assert reasons(connection) == ["first", "second"]
    assert progress(connection).total_xp == 90_000


def test_an_entry_waits_for_an_earlier_one_that_was_claimed_but_whose_pair_is_free_still(
    connection: Connection, connect: Connect
) -> None:
    first = enqueue(connection, 1, "PLAYER", 45_000, 15, reason="first")
    for user, reason in ((1, "second"), (2, "other")):
        enqueue(connection, user, "PLAYER", 45_000, 15, reason=reason)
    claimer = connect()
    claimer.execute("begin")
    claimer.execute("select from lockstep.queued_level_ups where id = %s for no key update", [first])
    result = drain(connection)
    assert (result.claimed, result.applied, result.busy) == (1, 1, 0)
    assert (levels(connection), levels(connection, 2)) == ((None, None), (3, 3))
    claimer.execute("rollback")
    drain_all(connection)
    assert reasons(connection) == ["first", "second"]


def test_an_entry_that_commits_late_is_applied_when_it_is_there(connection: Connection, connect: Connect) -> None:
    early = connect()
    early.execute("begin")
    first = enqueue(early, 1, "PLAYER", 45_000, 15, reason="lower id")
    second = enqueue(connection, 1, "PLAYER", 25_000, 12, reason="higher id")
    assert first < second
    drain_all(connection)
    early.execute("commit")
    drain_all(connection)
    # At the same time is in no order: no caller saw the other's entry.
    assert reasons(connection) == ["higher id", "lower id"]


def test_enqueued_one_after_another_by_many_sessions_they_are_applied_in_that_order(
    connection: Connection, connect: Connect
) -> None:
    """Each entry is one level higher than the one before: out of order, a level would be jumped."""
    connection.execute("insert into lockstep.specializations (id, name) values ('LADDER', 'A long ladder')")
    connection.execute(
        "insert into lockstep.specialization_levels (specialization_id, level, name, required_xp)"
        " select 'LADDER', n, n::text, n from generate_series(1, 61) as n"
    )
    level_up(connection, 1, "LADDER", 1)
    sessions, workers = [connect() for _ in range(3)], [connect() for _ in range(3)]

    def produce() -> None:
        for number in range(60):
            enqueue(sessions[number % 3], 1, "LADDER", 1, reason=str(number))

    def consume(worker: Connection) -> None:
        for _ in range(60):
            drain(worker, 2)

    at_once([produce, *(partial(consume, worker) for worker in workers)])
    drain_all(connection)
    assert reasons(connection) == [str(number) for number in range(60)]
    assert history(connection, 1, "LADDER") == [(n, n + 1, "function") for n in range(1, 61)]


# Who is in the way -----------------------------------------------------------------------------


def test_live_traffic_goes_first_and_the_others_do_not_wait_for_it(connection: Connection, connect: Connect) -> None:
    for user in (1, 2):
        level_up(connection, user, "PLAYER")
    for user in (1, 2, 3):
        enqueue(connection, user, "PLAYER", 10)
    holder = connect()
    for hold in (HOLD, "select from lockstep.user_licenses where user_id = 1 for no key update"):
        enqueue(connection, 2, "PLAYER", 10)
        holder.execute("begin")
        holder.execute(hold.encode())
        result = drain(connection)
        assert (result.busy, result.refused, result.breach_user_id) == (1, 0, None)
        assert result.applied
        holder.execute("rollback")
    drain_all(connection)
    assert [progress(connection, user).total_xp for user in (1, 2, 3)] == [10, 30, 10]


def test_an_entry_that_gave_way_keeps_its_key_for_later(connection: Connection, connect: Connect) -> None:
    level_up(connection, 1, "PLAYER")
    enqueue(connection, 1, "PLAYER", 10, idempotency_key="request")
    holder = connect()
    holder.execute("begin")
    holder.execute(HOLD.encode())
    assert drain(connection).busy == 1
    assert value(connection, "select count(*) from lockstep.idempotency_keys") == 0
    holder.execute("rollback")
    assert drain(connection).applied == 1
    assert level_up(connection, 1, "PLAYER", 10, idempotency_key="request").replayed


def test_an_old_entry_waits_for_its_pair_and_then_says_who_held_it(connection: Connection, connect: Connect) -> None:
    level_up(connection, 1, "PLAYER")
    for user in (1, 2):
        enqueue(connection, user, "PLAYER", 10)
    connection.execute("select lockstep.change_setting('queue_patience', '0')")
    holder, worker = connect(application_name="the blocker"), connect()
    holder.execute("begin")
    level_up(holder, 1, "PLAYER", 1)
    with background(worker, "select * from lockstep.drain_level_ups()") as answer:
        wait_until_blocked(connection, worker.info.backend_pid, holder.info.backend_pid)
        holder.execute("commit")
        assert answer.result()[0].applied == 2

    connection.execute("select lockstep.change_setting('lock_budget', '20ms')")
    for user in (1, 2):
        enqueue(connection, user, "PLAYER", 10)
    holder.execute("begin")
    level_up(holder, 1, "PLAYER", 1)
    result = drain(worker)
    assert (result.applied, result.busy, result.breach_user_id) == (1, 1, 1)
    noted = value(
        worker,
        "select lockstep.note_lock_breach(%s, %s, 'queue', %s)",
        result.breach_user_id,
        result.breach_specialization_id,
        result.breach_waited,
    )
    assert noted == holder.info.backend_pid
    (breach,) = rows(connection, "select * from lockstep.breaches")
    assert (breach.user_id, breach.source, breach.blocker_pid) == (1, "queue", noted)
    assert (breach.blocker_application, breach.blocker_state) == ("the blocker", "idle in transaction")
    assert "level_up" in breach.blocker_query
    assert breach.waited.total_seconds() >= 0.02
    holder.execute("rollback")
    assert value(worker, "select lockstep.note_lock_breach(1, 'PLAYER', 'http', '1s')") is None
    # What waited is there, and was not counted as refused.
    assert drain(worker).applied == 1


@pytest.mark.parametrize("strength", ["key share", "no key update"])
def test_the_blocker_is_found_among_several_who_lock_the_same_row(
    connection: Connection, connect: Connect, strength: str
) -> None:
    level_up(connection, 1, "PLAYER")
    sharer, holder = connect(), connect()
    sharer.execute("begin")
    sharer.execute("select from lockstep.specialization_progress where student_id = 1 for key share")
    holder.execute("begin")
    holder.execute(f"select from lockstep.specialization_progress where student_id = 1 for {strength}".encode())
    expected = [holder.info.backend_pid] if strength == "no key update" else []
    assert value(connection, "select lockstep.lock_holders(1, 'PLAYER')") == expected
    holder.execute("rollback")
    sharer.execute("rollback")
    # Without a pair, the user's row stands in for it.
    holder.execute("begin")
    level_up(holder, 2, "PLAYER")
    assert value(connection, "select lockstep.lock_holders(2, 'PLAYER')") == [holder.info.backend_pid]
    holder.execute("rollback")


def test_an_application_sees_the_query_of_its_own_role(connection: Connection, connect: Connect) -> None:
    level_up(connection, 1, "PLAYER")
    holder, waiter = connect(), connect("lockstep_app")
    holder.execute("begin")
    holder.execute(HOLD.encode())
    assert value(waiter, "select lockstep.note_lock_breach(1, 'PLAYER', 'http', '1s')") == holder.info.backend_pid
    with refused("23514"):
        value(waiter, "select lockstep.note_lock_breach(1, 'PLAYER', 'nobody', '1s')")


def test_a_key_that_somebody_holds_keeps_nobody_else(connection: Connection, connect: Connect) -> None:
    connection.execute("select lockstep.change_setting('lock_budget', '20ms')")
    holder = connect()
    holder.execute("begin")
    level_up(holder, 1, "COACH", 10, idempotency_key="held")
    enqueue(connection, 2, "PLAYER", 10)
    enqueue(connection, 1, "COACH", 10, idempotency_key="held")
    enqueue(connection, 3, "PLAYER", 10)
    results = []

    def others_are_applied() -> bool:
        """One drain does it, unless it takes so long that it leaves some for the next."""
        results.append(drain(connection))
        return bool(sum(result.applied for result in results) == 2)

    wait_until(connection, others_are_applied, "the others are applied")
    assert {result.refused for result in results} == {0}
    assert [progress(connection, user).total_xp for user in (2, 3)] == [10, 10]
    assert status(connection) == (1, 0, 0)
    holder.execute("commit")
    drain_all(connection)
    assert progress(connection, 1, "COACH").total_xp == 10
    assert status(connection) == (0, 0, 0)


# Poison ----------------------------------------------------------------------------------------


def test_a_poisoned_entry_is_set_aside_after_three_tries_and_the_others_of_its_pair_go_on(
    connection: Connection,
) -> None:
    enqueue(connection, 1, "PLAYER", 10)
    poison = enqueue(connection, 1, "PLAYER", 10, theory_hours=5, reason="hours")
    enqueue(connection, 1, "PLAYER", 10)
    assert drain(connection)[:4] == (3, 2, 1, 0)
    assert progress(connection).total_xp == 20
    assert status(connection) == (1, 1, 0)
    assert drain(connection)[:4] == (1, 0, 1, 0)
    assert drain(connection)[:4] == (1, 0, 1, 1)
    assert drain(connection)[:4] == (0, 0, 0, 0)
    assert status(connection) == (0, 0, 1)
    (entry,) = rows(connection, "select * from lockstep.queue_set_aside")
    assert (entry.entry_id, entry.error_code, entry.reason) == (poison, "LS005", "hours")

    with refused("LS070"):
        call(connection, "requeue_level_up", 2, poison)
    call(connection, "requeue_level_up", 1, poison)
    assert status(connection) == (1, 0, 0)
    connection.execute("update lockstep.specialization_levels set theory_hours = 0 where specialization_id = 'PLAYER'")
    assert drain(connection).applied == 1
    assert progress(connection).total_xp == 30


def test_a_discarded_entry_is_handed_back_whole(connection: Connection) -> None:
    poison = enqueue(connection, 1, "PLAYER", 10, theory_hours=5, reason="hours")
    with refused("LS070"):
        call(connection, "discard_level_up", 1, poison)
    drain_all(connection)
    gone = call(connection, "discard_level_up", 1, poison)
    assert (gone.id, gone.xp_gained, gone.reason, gone.attempts) == (poison, 10, "hours", 3)
    assert status(connection) == (0, 0, 0)


def test_a_refused_entry_pauses_longer_each_time(connection: Connection) -> None:
    connection.execute("select lockstep.change_setting('queue_retry_pause', '1 hour')")
    enqueue(connection, 1, "PLAYER", 10, theory_hours=5)
    assert drain(connection).refused == 1
    assert drain(connection).claimed == 0
    enqueue(connection, 1, "PLAYER", 10)
    assert drain(connection).applied == 1
    connection.execute("update lockstep.queued_level_ups set try_after = now()")
    drain(connection)
    pause = value(connection, "select extract(epoch from try_after - now()) from lockstep.queued_level_ups")
    assert 3.9 * 3600 < pause <= 4 * 3600


def test_an_entry_that_spoils_the_whole_set_is_found_and_the_rest_is_applied(connection: Connection) -> None:
    connection.execute(
        """
        create function public.spoil() returns trigger language plpgsql as
        'begin if new.student_id = 3 then raise exception ''spoiled''; end if; return new; end';
        create trigger spoil before insert on lockstep.specialization_progress
        for each row execute function public.spoil()
        """
    )
    for user in range(1, 6):
        enqueue(connection, user, "PLAYER", 10)
    assert drain(connection)[:4] == (5, 4, 1, 0)
    drain_all(connection)
    assert status(connection) == (0, 0, 1)
    (entry,) = rows(connection, "select user_id, error_code from lockstep.queue_set_aside")
    assert tuple(entry) == (3, "P0001")


# All at once -----------------------------------------------------------------------------------


def test_calls_batches_raw_sql_and_drains_on_hot_pairs_meet_no_deadlock_and_lose_nothing(
    connection: Connection, connect: Connect
) -> None:
    users = list(range(101, 121))
    add_users(connection, *users)
    for user in users[:10]:  # the other pairs are made in the race
        level_up(connection, user, "PLAYER")
    # What a drain waits for is short, so it gives up as well.
    for name, text in (("queue_patience", "0"), ("lock_budget", "100ms")):
        connection.execute("select lockstep.change_setting(%s, %s)", [name, text])

    def caller(session: Connection, random: Random) -> int:
        level_up(session, random.choice(users), "PLAYER", 1)
        return 1

    def enqueuer(session: Connection, random: Random) -> int:
        for _ in range(4):
            enqueue(session, random.choice(users), "PLAYER", 1, idempotency_key=str(random.random()))
        return 4

    def batcher(session: Connection, random: Random) -> int:
        chosen = random.sample(users, 8)
        rows(
            session,
            "select * from lockstep.update_levels(array(select row(one, 'PLAYER', 1 + one %% 8, 1, null, null, null,"
            " null, null, null, null)::lockstep.batch_item from unnest(%s::bigint[]) as one))",
            chosen,
        )
        return 8

    def raw(session: Connection, random: Random) -> int:
        user, level = random.choice(users), random.randint(1, 8)
        table, column = random.choice([("specialization_progress", "student_id"), ("user_licenses", "user_id")])
        session.execute(f"update lockstep.{table} set current_level = {level} where {column} = {user}".encode())
        return 0

    def drainer(session: Connection, random: Random) -> int:
        result = drain(session, random.choice([5, 20, 100]))
        if result.breach_user_id:
            call(session, "note_lock_breach", result.breach_user_id, "PLAYER", "queue", result.breach_waited)
        return 0

    def work(kind: Any, role: str, seed: int) -> int:
        session, random, total = connect(role), Random(seed), 0
        for _ in range(60):
            total += kind(session, random)
        return total

    kinds = [(caller, "lockstep_app"), (enqueuer, "lockstep_app"), (batcher, "lockstep_app")]
    kinds += [(raw, "lockstep_legacy"), (drainer, "lockstep_app")]
    given = sum(at_once([partial(work, kind, role, seed) for seed, (kind, role) in enumerate(kinds * 2)]))
    drain_all(connection)
    assert status(connection) == (0, 0, 0)
    assert value(connection, "select sum(total_xp) from lockstep.specialization_progress") == given
    assert value(connection, "select deadlocks from pg_stat_database where datname = current_database()") == 0
    assert desyncs(connection) == 0
    assert broken_chains(connection) == 0


def test_a_drain_in_a_serializable_transaction_is_told_to_retry_or_leaves_it(
    connection: Connection, connect: Connect
) -> None:
    level_up(connection, 1, "PLAYER")
    enqueue(connection, 1, "PLAYER", 10)
    session = connect()
    session.execute("begin isolation level serializable")
    session.execute("select count(*) from lockstep.user_licenses")
    level_up(connection, 1, "PLAYER", 1)
    with suppress(psycopg.errors.SerializationFailure):
        assert drain(session).applied == 0
    session.execute("rollback")
    drain_all(connection)
    assert progress(connection).total_xp == 11


def test_update_level_in_between_is_kept(connection: Connection) -> None:
    enqueue(connection, 1, "PLAYER", 10)
    update_level(connection, 1, "PLAYER", 5)
    drain_all(connection)
    assert levels(connection) == (5, 5)
